"""What is lost when processes die or the broker forgets: nothing, and nothing happens twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis

from tests.journeys.conftest import send
from tests.servers import wait_until
from tests.stack import Broker, readroom_stack
from tests.visitor import Visitor

pytestmark = [pytest.mark.stack, pytest.mark.network]

BURST = 50
COUNT = """
import json
from django.db.models import Count
from diagnostics.audit.models import AuditEvent
from diagnostics.cases.models import Case, Prediction
per_case = Case.objects.annotate(n=Count("predictions")).values_list("n", flat=True)
print(json.dumps({
    "cases": Case.objects.count(),
    "done": Prediction.objects.filter(status="done").count(),
    "most": max(per_case), "least": min(per_case),
    "answers": AuditEvent.objects.filter(action="case-classified").count(),
}))
"""


@pytest.mark.parametrize("broker", ["embedded", "production"])
def test_a_worker_killed_during_fifty_uploads_costs_no_answer_and_repeats_none(
    broker: Broker, small_bundle: Path
) -> None:
    with readroom_stack(broker, bundle=small_bundle) as stack:
        script = stack.script("technician")
        with ThreadPoolExecutor(max_workers=4) as pool:
            sending = [pool.submit(send, script, patient=f"B-{k}") for k in range(BURST)]
            wait_until(lambda: _done(script) >= 5, seconds=90, what=f"five answers\n{stack.tail()}")
            stack.kill9_inference()
            for sent in sending:
                sent.result()
        before = json.loads(stack.shell(COUNT))
        assert before["done"] < BURST, "the worker was through before it was killed: the test proved nothing"

        stack.restart_inference()

        wait_until(lambda: _done(script) >= BURST, seconds=150, what=f"fifty answers\n{stack.tail()}")
        assert json.loads(stack.shell(COUNT)) == {
            "cases": BURST,
            "done": BURST,
            "most": 1,
            "least": 1,
            "answers": BURST,
        }
        assert list(stack.home.joinpath("media").rglob("*.tmp")) == []


def _done(script: Visitor) -> int:
    return int(script.get("/api/v1/cases/?status=done").json()["count"])


def test_work_comes_back_when_the_broker_forgets_everything(small_bundle: Path) -> None:
    with readroom_stack("production", bundle=small_bundle) as stack:
        script = stack.script("technician")
        stack.kill9_inference()
        for number in range(10):
            send(script, patient=f"F-{number}")
        redis.Redis.from_url(stack.environment["BROKER_URL"]).flushall()

        stack.restart_inference()

        wait_until(lambda: _done(script) == 10, seconds=120, what=f"ten answers\n{stack.tail()}")
