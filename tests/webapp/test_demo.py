"""Demo staff: a generated password is shown once, a given one never."""

from __future__ import annotations

from datetime import datetime
from io import StringIO

import pytest
from django.core.management import call_command

from diagnostics.accounts.models import User
from webapp import demo

GIVEN = "a given pass phrase"


def test_a_generated_password_is_returned_at_the_first_start_only(db: None, now: datetime) -> None:
    first = demo.create_staff(password="", now=now)
    second = demo.create_staff(password="", now=now)

    assert first.password is not None
    assert User.objects.get(username="admin").check_password(first.password)
    assert second.password is None


def test_a_given_password_is_set_and_never_printed(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READROOM_DEMO_PASSWORD", GIVEN)
    printed = StringIO()

    for _start in range(2):
        call_command("demo", staff_only=True, stdout=printed)

    assert User.objects.get(username="admin").check_password(GIVEN)
    assert GIVEN not in printed.getvalue()
