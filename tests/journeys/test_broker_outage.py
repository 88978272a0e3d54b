"""Redis killed, or full: pages and login work, uploads are accepted, and finish when Redis is back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis

from tests.http_client import HttpClient
from tests.journeys.conftest import send
from tests.servers import is_listening, wait_until
from tests.stack import Stack
from tests.stack_fixtures import StartStack
from webapp.processes import INFERENCE, SCHEDULER, WEB

pytestmark = [pytest.mark.stack, pytest.mark.network]


@pytest.fixture(scope="module")
def stack(start_stack: StartStack) -> Iterator[Stack]:
    """Run a stack whose Redis the tests may kill."""
    with start_stack("production", processes=(WEB, INFERENCE, SCHEDULER)) as stack:
        yield stack


def test_an_upload_while_redis_is_killed_finishes_after_its_restart(stack: Stack) -> None:
    client = stack.api_client("technician")
    with closing(redis.Redis.from_url(stack.environment["BROKER_URL"])) as server:
        process, folder = server.info()["process_id"], server.config_get("dir")["dir"]
    port = int(stack.environment["BROKER_URL"].rsplit(":", 1)[1].split("/")[0])
    subprocess.run(["kill", "-9", str(process)], check=True)
    wait_until(lambda: not is_listening(port), seconds=10, what="the end of Redis")

    case = send(client, patient="R-1")
    pages_work(stack)
    assert stack.session().get("/health/").json()["components"]["broker"] == "unreachable"

    command = ["redis-server", f"--port {port}", "--bind 127.0.0.1", f"--dir {folder}", "--appendonly yes"]
    with subprocess.Popen(" ".join(command).split(), stdout=subprocess.DEVNULL) as restarted:
        try:
            wait_until(lambda: is_done(client, case), seconds=90, what=f"the AI result\n{stack.tail()}")
            upload_while_full_finishes(stack, client)
        finally:
            restarted.terminate()


def upload_while_full_finishes(stack: Stack, client: HttpClient) -> None:
    """Fill Redis, upload, then make room."""
    with closing(redis.Redis.from_url(stack.environment["BROKER_URL"])) as server:
        server.config_set("maxmemory-policy", "noeviction")
        server.config_set("maxmemory", "1mb")  # an empty Redis holds about as much
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            server.set("full", "x" * 1_000_000)
        case = send(client, patient="R-2")
        pages_work(stack)
        server.config_set("maxmemory", "0")

    def is_done_after_restarts() -> bool:
        restart_ended(stack)
        return is_done(client, case)

    wait_until(is_done_after_restarts, seconds=120, what="the AI result of the upload while Redis was full")


def restart_ended(stack: Stack) -> None:
    """Start processes that have ended, as a supervisor does: Celery ends when Redis refuses to store."""
    for name, process in list(stack.processes.items()):
        if process.poll() is not None:
            del stack.processes[name]
            stack.start(name)


def pages_work(stack: Stack) -> None:
    """Log in and open pages."""
    session = stack.session("radiologist")
    assert session.get("/cases/?status=to-read").status == 200
    assert session.get("/cases/").status == 200
    assert stack.session().get("/health/ready/").status == 200


def is_done(client: HttpClient, case: str) -> bool:
    """Return whether the case has an AI result."""
    return bool(client.get(case).json()["status"] == "done")
