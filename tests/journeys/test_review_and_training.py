"""Second and third walk: cases are read, a candidate version is trained on them, a person promotes it."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.http_client import HttpClient
from tests.journeys.conftest import send, wait_for_case
from tests.pages.page_checks import faults, open_page
from tests.servers import wait_until
from tests.stack import Broker, Stack
from tests.stack_fixtures import StartStack

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
DUMP = """
from django.core.management import call_command
call_command("dumpdata", "{app}")
"""


@pytest.mark.parametrize("broker", ["embedded", pytest.param("production", marks=pytest.mark.nightly)])
def test_signed_findings_become_a_version_that_classifies_the_next_radiograph(
    broker: Broker, start_stack: StartStack, browser: Any
) -> None:
    with start_stack(broker) as stack:
        technician, admin = stack.api_client("technician"), stack.session("admin")
        radiographs = [
            send(technician, patient=f"CANARY-{number}") for number in range(PER_FINDING * len(FINDINGS))
        ]
        sign_all(stack)

        reason = "The drawings share one anatomy: some count as copies of others."
        form = {"recipe": "tiny-cnn", "epochs": "2", "seed": "7", "leak_reason": reason}
        started = admin.post("/training/start/", form)
        assert started.status == 200, started.text
        run = wait_for_run(stack)
        assert run["status"] == "done", run["why"]
        assert run["epochs"] >= 1
        assert len(run["snapshot"]) == 64
        assert run["compared"], "the candidate was not compared with the active version"
        training_page = started.url.split("?")[0]
        if broker == "embedded":
            model = f"/models/{run['candidate']}/"
            promote = f"{model}promote/?target=sensitivity&value=0.9&prevalence=0.1"
            lineage = f"/training/cases/{id_of(radiographs[0])}/lineage/"
            snapshot = f"{training_page}snapshot/"
            compare = f"/training/compare/?a={id_of(training_page)}&b={id_of(training_page)}"
            urls = ("/training/", training_page, snapshot, compare, "/models/", model, promote, lineage)
            page = open_page(browser, stack, "admin")
            violations = {url: faults(page, urljoin(stack.base_url, url)) for url in urls}
            assert violations == {url: [] for url in urls}
        assert "<svg" in admin.get(f"{training_page}curves.svg").text

        promoted, rolled_back = promote_and_roll_back(stack, admin, technician, run["candidate"])
        assert _version(wait_for_case(stack, technician, radiographs[0])) == "v1"
        assert _version(promoted) == "v2"
        assert _marked(promoted)
        assert not _marked(rolled_back)
        assert_traced(stack, admin, promoted, run["snapshot"])
        assert _version(rolled_back) == "v1"
        assert leaks(stack) == []


def sign_all(stack: Stack) -> None:
    """Sign every waiting radiograph; no reading page may show a probability."""
    radiologist = stack.session("radiologist")
    signed = 0
    page = radiologist.post("/review/next/")
    while re.search(r"/review/[0-9a-f-]{36}/", page.url):
        assert "probabilit" not in page.text.lower(), "the reading page showed the AI result"
        form = {"finding": FINDINGS[signed % 2], "confidence": "sure", "note": ""}
        page = radiologist.post(f"{page.url.split('?')[0]}sign/", form)
        signed += 1
    assert signed == PER_FINDING * len(FINDINGS), page.text


def wait_for_run(stack: Stack) -> dict[str, Any]:
    """Return the training run when it is done or has failed."""
    wait_until(
        lambda: json.loads(stack.shell(RUN))["status"] in ("done", "failed"),
        seconds=240,
        what=f"the end of the run\n{stack.tail()}",
    )
    run: dict[str, Any] = json.loads(stack.shell(RUN))
    return run


def promote_and_roll_back(
    stack: Stack, admin: HttpClient, technician: HttpClient, candidate: str
) -> tuple[dict[str, object], dict[str, object]]:
    """Return a case that was classified while the candidate was active, and one after the rollback."""
    url, approver = f"/models/{candidate}/promote/", stack.session("approver")
    names = re.findall(r'name="acknowledged" value="([^"]+)"', approver.get(url).text)
    reason = {"reason": "journey: a candidate to try"}
    assert approver.post(url, reason).status == 400, "promoted in spite of the gate by an ordinary click"
    override: dict[str, str | list[str]] = {**reason, "acknowledged": names}
    assert admin.post(url, override).status == 400, "approved by the user who requested the training"
    response = approver.post(url, override)
    assert response.status == 200, response.text
    promoted = wait_for_case(stack, technician, send(technician, patient="CANARY-next"))
    response = admin.post("/models/roll-back/", {"reason": "journey: back to the first"})
    assert response.status == 200, response.text
    return promoted, wait_for_case(stack, technician, send(technician, patient="CANARY-last"))


def _version(case: dict[str, object]) -> object:
    prediction = case["prediction"]
    assert isinstance(prediction, dict), case
    return prediction["version"]


def _marked(case: dict[str, object]) -> object:
    """Return whether the result says that its version was promoted in spite of the gate."""
    prediction = case["prediction"]
    assert isinstance(prediction, dict), case
    return prediction["gate_overridden"]


def id_of(address: str) -> str:
    """Return the id at the end of a case's address."""
    return address.rstrip("/").rpartition("/")[2]


def assert_traced(stack: Stack, admin: HttpClient, case: dict[str, object], snapshot: str) -> None:
    """Trace a prediction to each signed label, and one of the labels back to the prediction."""
    traced = admin.get(f"/api/v1/cases/{case['id']}/lineage/").json()
    newest = traced["predictions"][0]
    assert (newest["version"]["number"], newest["run"]["snapshot"]) == (2, snapshot)
    signed = [row["signature"] for row in traced["training_labels"]]
    assert len(signed) == PER_FINDING * len(FINDINGS)
    assert {(label["by"], label["role"]) for label in signed} == {("radiologist", "radiologist")}
    trained = next(row for row in traced["training_labels"] if row["part"] == "train")["signature"]
    back = admin.get(f"/api/v1/cases/{trained['case']}/lineage/").json()["labels"][0]
    assert back["signature"]["id"] == trained["id"]
    assert [(use["version"]["number"], use["part"]) for use in back["taught"]] == [(2, "train")]
    assert back["taught"][0]["predictions"] >= 1


def leaks(stack: Stack) -> list[str]:
    """Return the files, file names and tables other than the case's that hold a patient reference."""
    files = [path for path in stack.home.rglob("*") if not path.name.startswith("db.sqlite3")]
    found = [path.name for path in files if "CANARY" in path.name]
    found += [path.name for path in files if path.is_file() and b"CANARY" in path.read_bytes()]
    apps = ("audit", "registry", "training", "review", "accounts", "sessions")
    found += [app for app in apps if "CANARY" in stack.shell(DUMP.format(app=app))]
    assert any(path.name == "snapshot.jsonl" for path in files)
    return found
