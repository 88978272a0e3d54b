"""The whole of it, as processes, on both kinds of machine: a radiograph goes in and an answer comes out."""

from __future__ import annotations

import pytest

from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack
from tests.visitor import Visitor

pytestmark = [pytest.mark.stack, pytest.mark.network]


@pytest.fixture(params=["embedded_stack", "production_stack"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Give each kind of machine in turn."""
    running: Stack = request.getfixturevalue(request.param)
    return running


def test_a_radiograph_sent_by_a_script_is_classified(stack: Stack) -> None:
    script = stack.script("technician")

    address = send(script, 901)
    wait_until(lambda: status(script, address) == "done", seconds=60, what="the answer")

    probabilities = script.get(address).json()["prediction"]["probabilities"]
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-3)


def test_a_radiograph_that_comes_while_the_worker_is_dead_is_classified_when_it_is_back(stack: Stack) -> None:
    script = stack.script("technician")
    stack.kill9_inference()

    address = send(script, 902)
    stack.restart_inference()

    wait_until(lambda: status(script, address) == "done", seconds=60, what="the answer")


def test_a_health_page_names_every_part_and_no_address(stack: Stack) -> None:
    answer = stack.visitor().get("/health/")

    assert answer.status == 200
    assert answer.json() == {
        "status": "ok",
        "parts": dict.fromkeys(["database", "broker", "model", "disk"], "ok"),
    }


def test_the_login_page_arrives_with_hashed_files_and_a_strict_policy(stack: Stack) -> None:
    page = stack.visitor().get("/accounts/login/")

    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "/static/css/readroom." in page.text
    assert "/static/css/readroom.css" not in page.text


def send(script: Visitor, seed: int) -> str:
    """Upload a drawn radiograph and give the address of its case."""
    sent = script.post(
        "/api/v1/cases/", {"patient_ref": "P-1"}, {"radiograph": ("radiograph.png", radiograph_png(seed))}
    )
    assert sent.status == 201, sent.text
    return f"/api/v1/cases/{sent.json()['id']}/"


def status(script: Visitor, address: str) -> str:
    return str(script.get(address).json()["status"])
