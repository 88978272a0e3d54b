"""All processes together, with each broker: a radiograph is uploaded and an AI result is stored."""

from __future__ import annotations

import pytest

from tests.http_client import HttpClient
from tests.radiographs import radiograph_png
from tests.servers import wait_until
from tests.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.network]


@pytest.fixture(params=["embedded_stack", "production_stack"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Return a stack with each broker in turn."""
    running: Stack = request.getfixturevalue(request.param)
    return running


def test_a_radiograph_uploaded_by_a_script_gets_an_ai_result(stack: Stack) -> None:
    script = stack.api_client("technician")

    url = send(script, 901)
    wait_until(lambda: status(script, url) == "done", seconds=60, what="the AI result")

    probabilities = script.get(url).json()["prediction"]["probabilities"]
    assert sum(probabilities.values()) == pytest.approx(1, abs=1e-3)
    lasting = ("media", "bundles", "static")  # others, such as messages, come and go meanwhile
    files = [path for name in lasting for path in (stack.home / name).rglob("*") if path.is_file()]
    assert {"png", "npz", "bin"} <= {path.name.split(".")[-1] for path in files}
    assert [str(path) for path in files if path.stat().st_mode & 0o077] == []


def test_a_radiograph_uploaded_while_the_worker_is_down_gets_an_ai_result_after_its_restart(
    stack: Stack,
) -> None:
    script = stack.api_client("technician")
    stack.kill9_inference()

    url = send(script, 902)
    stack.restart_inference()

    wait_until(lambda: status(script, url) == "done", seconds=60, what="the AI result")


def test_the_health_page_reports_every_component_and_no_url(stack: Stack) -> None:
    expected = dict.fromkeys(
        ["database", "broker", "model", "disk", "storage", "worker-inference", "scheduler"], "ok"
    ) | {"worker-training": "no heartbeat"}  # does not run on this stack
    session = stack.session()

    wait_until(
        lambda: session.get("/health/").json()["components"] == expected,
        seconds=60,
        what="the heartbeats of the inference worker and of the scheduler",
    )
    response = session.get("/health/")
    assert (response.status, response.json()) == (503, {"status": "unhealthy", "components": expected})
    assert session.get("/health/ready/").status == 200


def test_the_login_page_has_hashed_static_files_and_a_strict_content_security_policy(stack: Stack) -> None:
    page = stack.session().get("/accounts/login/")

    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "/static/css/readroom." in page.text
    assert "/static/css/readroom.css" not in page.text


def send(script: HttpClient, seed: int) -> str:
    """Upload a drawn radiograph and return the API URL of its case."""
    sent = script.post(
        "/api/v1/cases/", {"patient_ref": "P-1"}, {"radiograph": ("radiograph.png", radiograph_png(seed))}
    )
    assert sent.status == 201, sent.text
    return f"/api/v1/cases/{sent.json()['id']}/"


def status(script: HttpClient, url: str) -> str:
    return str(script.get(url).json()["status"])
