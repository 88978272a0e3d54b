"""Second and third walk: radiographs are read and signed, the network learns from them, a person promotes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.journeys.conftest import answer_of, send
from tests.pages.looking import faults, visit
from tests.servers import wait_until
from tests.stack import Broker, Stack, readroom_stack

pytestmark = [pytest.mark.stack, pytest.mark.network, pytest.mark.browser]

PER_FINDING = 10
FINDINGS = ("covid-19", "normal")
RUN = """
import json
from diagnostics.training.models import TrainingRun
run = TrainingRun.objects.order_by("-number").first()
print(json.dumps({"status": run.status, "why": run.failure_text, "epochs": run.epochs.count(),
    "candidate": str(run.candidate.pk) if run.candidate else "", "snapshot": run.snapshot_sha256,
    "compared": sorted(run.candidate.comparison) if run.candidate else []}))
"""


@pytest.mark.parametrize("broker", ["embedded", "production"])
def test_signed_findings_become_a_version_that_answers_for_the_next_radiograph(
    broker: Broker, small_bundle: Path, browser: Any
) -> None:
    with readroom_stack(broker, bundle=small_bundle) as stack:
        technician, admin = stack.script("technician"), stack.visitor("admin")
        radiographs = [
            send(technician, patient=f"CANARY-{number}") for number in range(PER_FINDING * len(FINDINGS))
        ]

        radiologist = stack.visitor("radiologist")
        signed = 0
        page = radiologist.post("/review/next/")
        while "/review/" in page.url and re.search(r"/review/[0-9a-f-]{36}/", page.url):
            assert "probabilit" not in page.text.lower(), "the reading page told the machine's answer"
            form = {"finding": FINDINGS[signed % 2], "confidence": "sure", "note": ""}
            page = radiologist.post(f"{page.url.split('?')[0]}sign/", form)
            signed += 1
        assert signed == PER_FINDING * len(FINDINGS), page.text

        started = admin.post("/training/start/", {"preset": "tiny-cnn", "epochs": "2", "seed": "7"})
        assert started.status == 200, started.text
        wait_until(
            lambda: json.loads(stack.shell(RUN))["status"] in ("done", "failed"),
            seconds=180,
            what=f"the end of the run\n{stack.tail()}",
        )
        run = json.loads(stack.shell(RUN))
        assert run["status"] == "done", run["why"]
        assert run["epochs"] >= 1
        assert len(run["snapshot"]) == 64
        assert run["compared"], "the candidate was not compared with the version in force"
        if broker == "embedded":
            places = ("/training/", started.url.split("?")[0], "/models/", f"/models/{run['candidate']}/")
            looking = visit(browser, stack, "admin")
            found = {place: faults(looking, urljoin(stack.base_url, place)) for place in places}
            assert found == {place: [] for place in places}
        assert "<svg" in admin.get(f"{started.url.split('?')[0]}curves.svg").text

        reason = {"reason": "journey: a candidate to try", "override": "on"}
        promoted = admin.post(f"/models/{run['candidate']}/promote/", reason)
        assert promoted.status == 200, promoted.text
        after = answer_of(stack, technician, send(technician, patient="CANARY-next"))
        back = admin.post("/models/roll-back/", {"reason": "journey: back to the first"})
        assert back.status == 200, back.text
        again = answer_of(stack, technician, send(technician, patient="CANARY-last"))

        assert _version(answer_of(stack, technician, radiographs[0])) == "v1"
        assert _version(after) == "v2"
        assert _version(again) == "v1"
        assert _leaks(stack) == []


def _version(answer: dict[str, object]) -> object:
    prediction = answer["prediction"]
    assert isinstance(prediction, dict), answer
    return prediction["version"]


def _leaks(stack: Stack) -> list[str]:
    """Name whatever holds a patient's reference besides the case itself: files, their names, other tables."""
    files = [path for path in stack.home.rglob("*") if not path.name.startswith("db.sqlite3")]
    leaks = [path.name for path in files if "CANARY" in path.name]
    leaks += [path.name for path in files if path.is_file() and b"CANARY" in path.read_bytes()]
    rooms = ("audit", "registry", "training", "review", "accounts", "sessions")
    leaks += [room for room in rooms if "CANARY" in stack.manage("dumpdata", room)]
    assert any(path.name == "snapshot.jsonl" for path in files)
    return leaks
