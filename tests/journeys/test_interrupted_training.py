"""A training worker that is stopped and killed again and again: the run resumes each time and finishes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.servers import wait_until
from tests.stack import Stack
from tests.stack_fixtures import StartStack
from webapp.processes import TRAINING

pytestmark = [pytest.mark.stack, pytest.mark.network]

EPOCHS = 60
SIGN = """
from django.utils import timezone
from diagnostics.accounts.models import User
from diagnostics.cases.services import admission
from diagnostics.review.services import readings
from tests.training.conftest import NORMAL_SEED, drawn_radiograph
technician, radiologist = (User.objects.get(username=name) for name in ("technician", "radiologist"))
for seed in range(8):
    for finding, first in (("covid-19", 0), ("normal", NORMAL_SEED)):
        png = drawn_radiograph(first + seed, opacity=finding == "covid-19")
        ref = f"{finding}-{seed}"
        case = admission.open_case(radiograph=png, patient_ref=ref, by=technician, now=timezone.now()).case
        readings.sign_reading(case=case, by=radiologist, finding=finding, now=timezone.now())
"""
STATE = """
import json
from diagnostics.training.models import TrainingRun
run = TrainingRun.objects.get()
training = run.candidate.manifest["training"] if run.candidate else {}
print(json.dumps({"status": run.status, "why": run.failure_text, "epochs": run.epochs.count(),
    "attempts": run.attempts, "lost": run.lost_attempts, "resumed_after": training.get("resumed_after")}))
"""


def test_a_run_resumes_after_a_stop_and_a_kill_of_its_worker(start_stack: StartStack) -> None:
    with start_stack("embedded") as stack:
        run_survives(stack, ["stop", "kill"])  # the nightly test waits for the end of the run


@pytest.mark.nightly
@pytest.mark.parametrize("broker", ["embedded", "production"])
def test_a_run_resumes_after_four_stops_and_three_kills_of_its_worker(
    start_stack: StartStack, broker: str
) -> None:
    with start_stack(broker) as stack:
        interruptions = ["stop", "kill", "stop", "kill", "stop", "kill", "stop"]
        completed = run_survives(stack, interruptions)
        run = wait_for_the_end(stack)
    assert (run["status"], run["why"], run["epochs"]) == ("done", "", EPOCHS)
    assert run["attempts"] == len(interruptions) + 1
    assert run["resumed_after"] >= completed - 1  # the last epoch may not have reached its checkpoint


def run_survives(stack: Stack, interruptions: list[str]) -> int:
    """Train, interrupt the worker after a further epoch each time; return the epochs at the last one."""
    stack.shell(SIGN)
    reason = "The drawn opacities make a radiograph brighter, which the header probe recognises."
    form = {"recipe": "tiny-cnn", "epochs": str(EPOCHS), "seed": "7", "leak_reason": reason}
    started = stack.session("admin").post("/training/start/", form)
    assert started.status == 200, started.text
    completed = 0
    for interruption in interruptions:
        completed = _wait_for_epochs(stack, completed + 1)
        assert completed < EPOCHS, "the run was over before the interruption: this proves nothing"
        if interruption == "stop":
            stack.stop_process(TRAINING)
            assert state(stack)["status"] == "queued", "the stopped worker has not released its run"
        else:
            stack.kill9(TRAINING)
            wait_until(lambda: state(stack)["status"] == "queued", seconds=60, what="the requeueing")
        assert state(stack)["lost"] == 0
        stack.start(TRAINING)
    _wait_for_epochs(stack, completed + 1)
    return completed


def wait_for_the_end(stack: Stack) -> dict[str, Any]:
    """Return the run when it is done or has failed."""
    wait_until(lambda: state(stack)["status"] in ("done", "failed"), seconds=600, what="the end of the run")
    return state(stack)


def state(stack: Stack) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(stack.shell(STATE))
    return result


def _wait_for_epochs(stack: Stack, number: int) -> int:
    def is_running() -> bool:
        run = state(stack)
        assert run["status"] != "failed", f"{run['why']}\n{stack.tail()}"
        return run["status"] == "running" and run["epochs"] >= number

    wait_until(is_running, seconds=180, what=f"epoch {number}\n{stack.tail()}")
    return int(state(stack)["epochs"])
