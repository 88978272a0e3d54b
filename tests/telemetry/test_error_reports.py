"""Error reports: a server on the loopback address receives what failed and where, and no patient's data."""

from __future__ import annotations

import gzip
import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import sentry_sdk
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from webapp.telemetry import error_reports
from webapp.urls import urlpatterns as pages

CANARY = "CANARY-4711"


def failing_view(request: HttpRequest) -> HttpResponse:
    """Fail with a patient reference in the message, a local variable, the form and the log."""
    patient_ref = request.POST["patient_ref"]
    logging.getLogger("webapp.test").error("the upload of %s failed", patient_ref)
    logging.getLogger("somewhere").error(f"the upload of {patient_ref} failed")
    raise ValueError(f"the reference {patient_ref} is too long")


urlpatterns = [path("fails/", failing_view, name="fails"), *pages]
handler500 = "webapp.error_handlers.server_error"


class Sink:
    """A server that keeps the bodies it receives."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_gzip = self.headers.get("Content-Encoding") == "gzip"
                bodies.append((gzip.decompress(body) if is_gzip else body).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def dsn(self) -> str:
        return f"http://public@127.0.0.1:{self.server.server_port}/1"

    def events(self) -> list[dict[str, Any]]:
        """Return the events of the received envelopes."""
        sentry_sdk.flush(timeout=10)
        lines = [json.loads(line) for body in self.bodies for line in body.splitlines()]
        return [line for line in lines if "level" in line]


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Return a server that receives the reports of this process."""
    received = Sink()
    thread = threading.Thread(target=received.server.serve_forever, daemon=True)
    thread.start()
    error_reports.start(received.dsn, release="readroom@test")
    yield received
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(None)
    received.server.shutdown()
    received.server.server_close()
    thread.join()


@pytest.mark.urls(__name__)
def test_a_failed_request_is_reported_without_any_data_of_it(db: None, sink: Sink) -> None:
    client = Client(raise_request_exception=False)

    response = client.post(
        f"/fails/?q={CANARY}",
        {"patient_ref": CANARY},
        headers={"Referer": f"http://testserver/?q={CANARY}", "X-Note": CANARY},
    )

    events = sink.events()
    assert response.status_code == 500
    assert CANARY not in "".join(sink.bodies)
    (failure,) = [event for event in events if event["exception"]["values"]]
    error = failure["exception"]["values"][-1]
    assert error["type"] == "ValueError"
    assert error["stacktrace"]["frames"][-1]["function"] == "failing_view"
    assert failure["transaction"] == "/fails/"
    texts = [event["logentry"]["message"] for event in events if "logentry" in event]
    assert texts == ["the upload of %s failed"]


def test_a_report_names_no_user_no_host_and_no_variable(db: None, sink: Sink) -> None:
    sentry_sdk.set_user({"username": "technician"})
    try:
        secret = CANARY
        raise KeyError(secret)
    except KeyError as error:
        sentry_sdk.capture_exception(error)

    (event,) = sink.events()

    assert set(event) <= {*error_reports.KEPT, "exception", "transaction", "logentry"}
    (frame,) = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert set(frame) <= set(error_reports.KEPT_OF_FRAME)
    assert "technician" not in "".join(sink.bodies)


def test_without_a_dsn_nothing_is_started() -> None:
    error_reports.start("", release="readroom@test")

    assert not sentry_sdk.get_client().is_active()
