"""First walk: a technician uploads a radiograph, and it gets a prediction and a heatmap."""

from __future__ import annotations

import re

import pytest

from tests.journeys.conftest import send, wait_for_case
from tests.radiographs import radiograph_dicom, radiograph_png
from tests.servers import wait_until
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.network]


def test_a_radiograph_uploaded_on_the_page_gets_probabilities_and_a_heatmap(stack: Stack) -> None:
    technician = stack.session("technician")
    radiograph = radiograph_dicom(71_001, size=(300, 240))
    technician.get("/cases/upload/")

    form = {"patient_ref": "J-1", "accession_number": "ACC-J1", "priority": "stat", "view": ""}
    page = technician.post("/cases/upload/", form, {"radiographs": ("radiograph.dcm", radiograph)})
    assert page.status == 200, page.text
    case = re.search(r"/cases/[0-9a-f-]{36}/", page.text)
    assert case, page.text

    wait_until(
        lambda: "/heatmap/" in technician.get(case[0]).text, seconds=60, what=f"a heatmap\n{stack.tail()}"
    )
    assert "Research use only. Not for diagnosis." in technician.get(case[0]).text
    overlay = technician.get(f"{case[0]}overlay.png")
    assert (overlay.status, overlay.headers["Content-Type"]) == (200, "image/png")
    assert overlay.body.startswith(b"\x89PNG")


def test_a_stat_radiograph_sent_by_api_gets_the_same(stack: Stack) -> None:
    client = stack.api_client("technician")

    case = wait_for_case(stack, client, send(client, patient="J-2", priority="stat"))

    assert case["status"] == "done"
    prediction = case["prediction"]
    assert isinstance(prediction, dict)
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert prediction["finding"] == max(prediction["probabilities"], key=prediction["probabilities"].get)
    assert client.get(prediction["heatmap_url"]).body.startswith(b"\x89PNG")


def test_a_radiograph_of_another_patient_is_refused_as_a_conflict(stack: Stack) -> None:
    client = stack.api_client("technician")
    files = {"radiograph": ("radiograph.png", radiograph_png(72_001))}
    first = client.post("/api/v1/cases/", {"patient_ref": "J-3"}, files)

    again = client.post("/api/v1/cases/", {"patient_ref": "J-3"}, files)
    other = client.post("/api/v1/cases/", {"patient_ref": "J-4"}, files)

    assert again.json()["id"] == first.json()["id"]
    assert (other.status, other.json()["code"]) == (409, "radiograph_of_another_patient")
    assert "J-3" not in other.text


def test_no_patient_reference_reaches_a_log_or_a_message(stack: Stack) -> None:
    client = stack.api_client("technician")

    wait_for_case(stack, client, send(client, patient="CANARY-4711"))

    logs = [log.read_text(errors="replace") for log in stack.home.rglob("*.log")]
    assert logs
    assert not any("CANARY" in log for log in logs)
    assert not any("CANARY" in str(path) for path in stack.home.rglob("*"))
