"""The health checks of containers: a process that does not do its work is not healthy."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port
from webapp.process_health import checks, is_scheduler_healthy, is_web_healthy

NOW = 1_790_000_000.0


@pytest.fixture(params=[(200, True), (503, True), (500, False), (404, False)], ids=lambda pair: pair[0])
def answering_web(request: pytest.FixtureRequest) -> Iterator[tuple[int, bool]]:
    """Run a server with one status for all requests; yield its port and whether it is healthy."""
    status, healthy = request.param

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health/" else 418)
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


@pytest.mark.parametrize(("age", "healthy"), [(0, True), (599, True), (600, False), (3600, False)])
def test_a_scheduler_is_healthy_while_it_writes_its_schedule(
    tmp_path: Path, age: float, healthy: bool
) -> None:
    schedule = tmp_path / "beat-schedule.db"
    schedule.touch()
    os.utime(schedule, (NOW - age, NOW - age))

    assert is_scheduler_healthy(tmp_path, now=NOW) is healthy


def test_a_scheduler_without_a_schedule_is_not_healthy(tmp_path: Path) -> None:
    assert is_scheduler_healthy(tmp_path, now=NOW) is False


def test_every_process_has_a_check() -> None:
    assert set(checks({})) == {"web", "inference", "training", "scheduler"}
