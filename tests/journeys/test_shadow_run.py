"""A shadow run on running processes: a killed worker loses no score, and a promotion ends the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.http_client import HttpClient
from tests.radiographs import individual_radiograph_png
from tests.servers import wait_until
from tests.stack import Stack
from tests.stack_fixtures import SHARED_PROCESSES, StartStack
from tests.template_home import Broker

pytestmark = [pytest.mark.stack, pytest.mark.nightly]

RADIOGRAPHS = 12
REGISTER = """
from pathlib import Path
from django.utils import timezone
from diagnostics.registry import services
version = services.register_candidate(
    bundle=Path({bundle!r}), comparison={{}}, verdict="accept", verdict_reason="For a test.", parent=None,
    by=None, now=timezone.now(),
)
print(version.pk)
"""
# The candidate has the weights of the active version, so its scores must be equal.
DIFFERENCE = """
from diagnostics.monitoring.models import ShadowPrediction
rows = ShadowPrediction.objects.filter(status="done").select_related("prediction")
print(max(abs(row.probabilities[name] - value) for row in rows
          for name, value in row.prediction.probabilities.items()))
"""
REASON = {"reason": "Equal to the active version on each case."}


@pytest.mark.parametrize("broker", ["embedded", "production"])
def test_each_case_is_scored_once_although_the_worker_is_killed_and_a_promotion_ends_the_run(
    broker: Broker, start_stack: StartStack, small_bundle: Path
) -> None:
    with start_stack(broker, processes=SHARED_PROCESSES) as stack:
        version = stack.shell(REGISTER.format(bundle=str(small_bundle))).strip()
        admin, technician = stack.api_client("admin"), stack.api_client("technician")
        address = f"/api/v1/versions/{version}/shadow/"
        assert admin.post(address).status == 201
        for number in range(RADIOGRAPHS):
            upload(technician, number)
        wait_for(stack, admin, address, lambda counts: counts["done"] >= 1)
        stack.kill9_inference()
        stack.restart_inference()
        wait_for(stack, admin, address, lambda counts: counts["done"] == RADIOGRAPHS)

        body = admin.get(address).json()
        assert body["counts"] == {"queued": 0, "running": 0, "done": RADIOGRAPHS, "failed": 0}
        assert body["comparison"]["same_finding"] == body["comparison"]["compared"] == RADIOGRAPHS
        assert float(stack.shell(DIFFERENCE)) < 1e-3

        assert admin.post(f"/api/v1/versions/{version}/promote/", REASON).status == 200
        upload(technician, RADIOGRAPHS)
        wait_until(
            lambda: admin.get(address).json()["end"] == "promotion",
            seconds=60,
            what=f"the end of the run\n{stack.tail()}",
        )
        assert sum(admin.get(address).json()["counts"].values()) == RADIOGRAPHS


def upload(client: HttpClient, number: int) -> None:
    radiograph = individual_radiograph_png(91_000 + number)
    response = client.post(
        "/api/v1/cases/", {"patient_ref": f"S-{number}"}, {"radiograph": ("radiograph.png", radiograph)}
    )
    assert response.status == 201, response.text


def wait_for(stack: Stack, admin: HttpClient, address: str, is_reached: Any) -> None:
    """Wait until the counts of the run are as expected."""

    def check() -> bool:
        return bool(is_reached(admin.get(address).json()["counts"]))

    counts = json.dumps(admin.get(address).json()["counts"])
    wait_until(check, seconds=180, what=f"the scores, first {counts}\n{stack.tail()}")
