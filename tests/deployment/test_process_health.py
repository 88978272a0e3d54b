"""The health checks of containers: a process that does not do its work is not healthy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.utils import timezone

from diagnostics.jobs import heartbeats
from tests.servers import free_port
from webapp.process_health import checks, is_scheduler_healthy, is_web_healthy


@pytest.fixture(params=[(200, True), (503, False), (500, False), (404, False)], ids=lambda pair: pair[0])
def answering_web(request: pytest.FixtureRequest) -> Iterator[tuple[int, bool]]:
    """Run a server with one status for all requests; yield its port and whether it is healthy."""
    status, healthy = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/live/" else 418)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, healthy
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_web_process_is_healthy_while_it_answers(answering_web: tuple[int, bool]) -> None:
    port, healthy = answering_web

    assert is_web_healthy(port=port) is healthy


def test_a_web_process_that_does_not_listen_is_not_healthy() -> None:
    assert is_web_healthy(port=free_port()) is False


@pytest.mark.django_db
@pytest.mark.parametrize(("age", "healthy"), [(0, True), (60, True), (120, False), (3600, False)])
def test_a_scheduler_is_healthy_while_it_stores_heartbeats(age: int, healthy: bool) -> None:
    heartbeats.beat(heartbeats.SCHEDULER, now=timezone.now() - timedelta(seconds=age))

    assert is_scheduler_healthy() is healthy


@pytest.mark.django_db
def test_a_scheduler_without_a_heartbeat_is_not_healthy() -> None:
    assert is_scheduler_healthy() is False


def test_every_process_has_a_check() -> None:
    assert set(checks({})) == {"web", "inference", "training", "maintenance", "scheduler", "dicom-listener"}
