"""The whole loop on 60 real radiographs: import, readings, run, gate, promotion, roll-back, lineage."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.http_client import HttpClient
from tests.journeys.conftest import wait_for_case
from tests.servers import wait_until
from tests.stack import Stack
from tests.stack_fixtures import StartStack

pytestmark = [pytest.mark.stack, pytest.mark.network, pytest.mark.realdata]

FOLDERS = {"covid-19": "Covid-19", "normal": "No_findings", "pneumonia": "Pneumonia"}
PER_FINDING = 20
DEFAULT_BUNDLE = Path(__file__).resolve().parents[2] / "ml" / "bundles" / "default"
TRUTH = """
import json
from diagnostics.imports.models import ImportedLabel
print(json.dumps({str(label.case_id): label.finding for label in ImportedLabel.objects.all()}))
"""
REASON = "The findings come from two published collections, and no others are at hand here."


def test_sixty_read_radiographs_become_a_version_and_are_traced_both_ways(
    start_stack: StartStack, realdata: Path
) -> None:
    files = {
        finding: sorted((realdata / "darkcovidnet" / folder).iterdir())[: PER_FINDING + 8]
        for finding, folder in FOLDERS.items()
    }
    with start_stack("production", bundle=DEFAULT_BUNDLE) as stack:
        technician, approver = stack.api_client("technician"), stack.session("approver")
        admin = stack.api_client("admin")
        cases = import_radiographs(stack, files)
        read_all(stack, cases)
        shown = {"recipe": "vgg16-finetune", "epochs": 2}

        stopped = end_of_run(admin, post(admin, "/api/v1/training/runs/", shown, 201)["id"])
        assert stopped["status"] == "stopped"
        assert {check["code"] for check in stopped["leak_checks"] if check["status"] == "FAIL"}, stopped
        begun = post(admin, "/api/v1/training/runs/", {**shown, "leak_reason": REASON}, 201)
        run = end_of_run(admin, begun["id"])
        assert run["status"] == "done", run

        version = admin.get(f"/api/v1/versions/{run['version']}/").json()
        assert (version["number"], version["status"]) == (2, "candidate")
        assert len(version["gate"]["rules"]) >= 8
        promote(admin, approver, version)
        first = send_next(stack, technician, files["normal"][PER_FINDING:])
        post(admin, "/api/v1/versions/rollback/", {"reason": "The journey ends with the first version."}, 200)
        second = send_next(stack, technician, files["pneumonia"][PER_FINDING:])

        assert [case["prediction"]["version"] for case in (first, second)] == ["v2", "v1"]
        traced = admin.get(f"/api/v1/cases/{first['id']}/lineage/").json()
        labels = [row["signature"] for row in traced["training_labels"]]
        assert {label["case"] for label in labels} <= set(cases)
        assert {label["by"] for label in labels} == {"radiologist"}
        taught = admin.get(f"/api/v1/cases/{labels[0]['case']}/lineage/").json()["labels"][0]["taught"]
        made = [use for use in taught if use["version"]]  # the stopped run has a snapshot and no version
        assert [(use["version"]["number"], use["predictions"]) for use in made] == [(2, 1)]


def import_radiographs(stack: Stack, files: dict[str, list[Path]]) -> dict[str, str]:
    """Import a ZIP archive with a folder for each finding; return the finding of each case."""
    archive, admin = io.BytesIO(), stack.session("admin")
    with zipfile.ZipFile(archive, "w") as out:
        for finding, paths in files.items():
            for number, path in enumerate(paths[:PER_FINDING]):
                out.write(path, f"{finding}/{number:03d}{path.suffix}")
    page = admin.post("/imports/scan/", files={"upload": ("ward.zip", archive.getvalue())})
    assert f"Start import ({PER_FINDING * len(FOLDERS)} radiographs)" in page.text
    admin.post(f"{page.url}start/")
    wait_until(
        lambda: "Done" in admin.get(f"{page.url}state/").text, seconds=300, what=f"the import\n{stack.tail()}"
    )
    cases: dict[str, str] = json.loads(stack.shell(TRUTH))
    assert len(cases) == PER_FINDING * len(FOLDERS)
    return cases


def read_all(stack: Stack, cases: dict[str, str]) -> None:
    """Sign the finding of every case as the radiologist."""
    radiologist = stack.api_client("radiologist")
    for case, finding in cases.items():
        reading = {"finding": finding, "confidence": "sure"}
        response = radiologist.post(f"/api/v1/cases/{case}/readings/", reading)
        assert response.status == 201, response.text


def promote(admin: HttpClient, approver: HttpClient, version: dict[str, Any]) -> None:
    """Promote a version by its outcome: with an override by another administrator, unless it was accepted."""
    address = f"/api/v1/versions/{version['id']}/promote/"
    if version["gate"]["outcome"] != "accept":
        refused = post(admin, address, {"reason": "By an ordinary click."}, 409)
        assert refused["code"] == "gate_not_passed"
    page = f"/models/{version['id']}/promote/"
    names = re.findall(r'name="acknowledged" value="([^"]+)"', approver.get(page).text)
    response = approver.post(page, {"reason": "The journey promotes its candidate.", "acknowledged": names})
    assert response.status == 200, response.text


def send_next(stack: Stack, technician: HttpClient, paths: list[Path]) -> dict[str, Any]:
    """Upload radiographs that were not imported; return the first case that the quality gate lets pass."""
    for path in paths:
        files = {"radiograph": (path.name, path.read_bytes())}
        response = technician.post("/api/v1/cases/", {"patient_ref": f"NEXT-{path.stem}"[:40]}, files)
        assert response.status == 201, response.text
        case = wait_for_case(stack, technician, f"/api/v1/cases/{response.json()['id']}/", seconds=120)
        if case["prediction"] is not None:
            return dict(case)
    raise AssertionError("the quality gate stopped every radiograph")


def end_of_run(admin: HttpClient, run: str) -> dict[str, Any]:
    """Return a run when it has ended."""
    address = f"/api/v1/training/runs/{run}/"
    wait_until(
        lambda: admin.get(address).json()["status"] not in ("queued", "running"),
        seconds=1500,
        what="the end of the run",
    )
    ended: dict[str, Any] = admin.get(address).json()
    return ended


def post(client: HttpClient, address: str, fields: dict[str, Any], status: int) -> dict[str, Any]:
    """Send a form to the API and return the answer, whose status is checked."""
    response = client.post(address, {name: str(value) for name, value in fields.items()})
    assert response.status == status, response.text
    answer: dict[str, Any] = response.json()
    return answer
