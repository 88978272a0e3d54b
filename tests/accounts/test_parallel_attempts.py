"""Failed logins sent at the same time, to several web processes on both databases."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from diagnostics.accounts.login_throttle import PER_USER
from tests.stack import Stack

pytestmark = pytest.mark.stack
LOGIN = "/accounts/login/"
ATTEMPTS = 30


def wrong_login(stack: Stack) -> int:
    client = stack.session()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(LOGIN).text)
    assert token
    form = {"username": "no-such-user", "password": "wrong", "csrfmiddlewaretoken": token[1]}
    return client.post(LOGIN, form).status


def test_parallel_attempts_never_pass_the_limit_together(stack: Stack) -> None:
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _number: wrong_login(stack), range(ATTEMPTS)))

    assert set(statuses) <= {200, 429}
    assert 0 < statuses.count(200) <= PER_USER.failures
