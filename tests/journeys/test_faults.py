"""Killed workers and an emptied broker: no prediction is lost, and none is made twice."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from benchmarks.faults.processes import targets
from tests.http_client import HttpClient
from tests.journeys.conftest import send, wait_for_case
from tests.servers import wait_until
from tests.stack import Stack
from tests.template_home import ROOT

pytestmark = [pytest.mark.stack, pytest.mark.network]

BURST = 50
COUNT = """
import json
import subprocess
import sys
from django.db.models import Count
from diagnostics.audit.models import AuditEvent
from diagnostics.cases.models import Case, Prediction
cases = Case.objects.filter(site__name="%s")
predictions = Prediction.objects.filter(case__in=cases)
per_case = list(cases.annotate(n=Count("predictions")).values_list("n", flat=True)) or [0]
ids = [str(pk) for pk in cases.values_list("pk", flat=True)]
print(json.dumps({
    "cases": len(ids),
    "done": predictions.filter(status="done").count(),
    "most": max(per_case), "least": min(per_case),
    "audited": AuditEvent.objects.filter(
        action__in=("prediction-stored", "prediction-stopped"), target_id__in=ids
    ).count(),
}))
"""


def test_a_worker_killed_during_a_burst_loses_no_prediction_and_repeats_none(stack: Stack) -> None:
    burst_survives_kills(stack, BURST, kills=1)


@pytest.mark.nightly
def test_a_worker_killed_ten_times_during_a_long_burst_loses_no_prediction_and_repeats_none(
    stack: Stack,
) -> None:
    burst_survives_kills(stack, 500, kills=10)


def burst_survives_kills(stack: Stack, size: int, *, kills: int) -> None:
    """Upload `size` radiographs, kill the inference worker on the way, and count what came of it."""
    site = stack.site("burst")
    client = stack.api_client(site.technician)
    before = counts(stack, site.name)
    with ThreadPoolExecutor(max_workers=4) as pool:
        uploads = [pool.submit(send, client, patient=f"B-{number}") for number in range(size)]
        for kill in range(1, kills + 1):
            _wait_for_done(stack, client, before["done"] + kill * max(5, size // (2 * kills)))
            stack.kill9_inference()
            if kill < kills:
                stack.restart_inference()
        for upload in uploads:
            upload.result()
    at_kill = counts(stack, site.name)
    assert at_kill["done"] - before["done"] < size, "the burst was over before the kill: this proves nothing"

    stack.restart_inference()

    _wait_for_done(stack, client, before["done"] + size)
    total = before["cases"] + size
    assert counts(stack, site.name) == {
        "cases": total,
        "done": total,
        "most": 1,
        "least": 1,
        "audited": total,
    }


def test_predictions_are_made_after_the_broker_has_lost_all_messages(production_stack: Stack) -> None:
    stack = production_stack
    client = stack.api_client(stack.site("flush").technician)
    stack.kill9_inference()
    for number in range(10):
        send(client, patient=f"F-{number}")
    redis.Redis.from_url(stack.environment["BROKER_URL"]).flushall()

    stack.restart_inference()

    _wait_for_done(stack, client, 10)


def test_a_worker_whose_idle_child_was_killed_computes_the_next_prediction(stack: Stack) -> None:
    client = stack.api_client(stack.site("burst").technician)
    wait_for_case(stack, client, send(client, patient="I-1"))  # the child is idle afterwards
    child = next(target for target in targets(stack) if target.name == "inference child")
    assert child.pids()

    child.kill()

    case = wait_for_case(stack, client, send(client, patient="I-2"))
    assert case["status"] == "done"


@pytest.mark.nightly
@pytest.mark.parametrize("broker", ["embedded", "production"])
def test_random_faults_of_every_process_lose_nothing_and_repeat_nothing(broker: str) -> None:
    size = ("--uploads=200", "--faults=30", "--scenarios")
    command = [sys.executable, "-m", "benchmarks.faults", f"--stack={broker}", *size]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def counts(stack: Stack, site: str) -> dict[str, int]:
    result: dict[str, int] = json.loads(stack.shell(COUNT % site))
    return result


def _wait_for_done(stack: Stack, client: HttpClient, number: int) -> None:
    def is_done() -> bool:
        return _done(client) >= number

    wait_until(is_done, seconds=60 + 2 * number, what=f"{number} predictions\n{stack.tail()}")


def _done(client: HttpClient) -> int:
    """Count the cases with a prediction over all pages of the list."""
    done, page = 0, "/api/v1/cases/?status=done&page_size=200"
    while page:
        body = client.get(page).json()
        done, page = done + len(body["results"]), body["next"]
    return done
