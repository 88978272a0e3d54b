"""First walk: a technician brings a radiograph, the machine answers, and only who may sees it."""

from __future__ import annotations

import re

import pytest

from tests.journeys.conftest import answer_of, send
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.servers import wait_until
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.network]


def test_a_radiograph_uploaded_on_the_page_ends_with_probabilities_and_a_heatmap(stack: Stack) -> None:
    technician = stack.visitor("technician")
    radiograph = radiograph_dicom(71_001 if "BROKER_URL" in stack.environment else 71_002, size=(300, 240))
    technician.get("/cases/upload/")

    form = {"patient_ref": "J-1", "accession_number": "ACC-J1", "priority": "stat", "view": ""}
    page = technician.post("/cases/upload/", form, {"radiographs": ("radiograph.dcm", radiograph)})
    assert page.status == 200, page.text
    case = re.search(r"/cases/[0-9a-f-]{36}/", page.text)
    assert case, page.text

    wait_until(
        lambda: "/heat/" in technician.get(case[0]).text, seconds=60, what=f"a heatmap\n{stack.tail()}"
    )
    shown = technician.get(case[0])
    assert "Research use only. Not for diagnosis." in shown.text
    heat = technician.get(f"{case[0]}overlay.png")
    assert (heat.status, heat.headers["Content-Type"]) == (200, "image/png")
    assert heat.body.startswith(b"\x89PNG")


def test_a_stat_radiograph_and_its_answer_are_the_same_by_api(stack: Stack) -> None:
    script = stack.script("technician")

    answer = answer_of(stack, script, send(script, patient="J-2", priority="stat"))

    assert answer["status"] == "done"
    prediction = answer["prediction"]
    assert isinstance(prediction, dict)
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert prediction["finding"] == max(prediction["probabilities"], key=prediction["probabilities"].get)
    assert script.get(prediction["heatmap_url"]).body.startswith(b"\x89PNG")


def test_the_same_radiograph_under_another_patient_is_a_conflict_that_a_person_settles(stack: Stack) -> None:
    script = stack.script("technician")
    radiograph = radiograph_png(72_001 if "BROKER_URL" in stack.environment else 72_002)
    files = {"radiograph": ("radiograph.png", radiograph)}
    first = script.post("/api/v1/cases/", {"patient_ref": "J-3"}, files)

    again = script.post("/api/v1/cases/", {"patient_ref": "J-3"}, files)
    other = script.post("/api/v1/cases/", {"patient_ref": "J-4"}, files)

    assert again.json()["id"] == first.json()["id"]
    assert (other.status, other.json()["code"]) == (409, "radiograph_of_another_patient")
    assert "J-3" not in other.text


def test_no_patient_reference_reaches_a_log_or_a_message(stack: Stack) -> None:
    script = stack.script("technician")

    answer_of(stack, script, send(script, patient="CANARY-4711"))

    logs = [log.read_text(errors="replace") for log in stack.home.rglob("*.log")]
    assert logs
    assert not any("CANARY" in log for log in logs)
    assert not any("CANARY" in str(path) for path in stack.home.rglob("*"))
