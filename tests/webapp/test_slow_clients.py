"""The web process beside slow clients: pages are answered, and what it buffers arrives complete."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.http_client import HttpClient
from tests.servers import free_port, wait_until
from tests.slow_clients import BEHAVIOURS, Behaviour, SlowClients, largest_static_file
from tests.template_home import NO_BUNDLE, ROOT, environment_of, template_home
from webapp.processes import web

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("web_process")]
LOGIN = "/accounts/login/"
PER_ADDRESS = 100


class WebProcess:
    """A running web process: two workers of eight threads."""

    def __init__(self, port: int, home: Path, process: subprocess.Popen[bytes]) -> None:
        self.port, self.home, self.process = port, home, process

    def client(self) -> HttpClient:
        return HttpClient(f"http://127.0.0.1:{self.port}")

    def connect(self, address: str = "127.0.0.1") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), 60, source_address=(address, 0))
        connection.settimeout(60)
        return connection

    def answers(self) -> bool:
        try:
            return self.client().get(LOGIN).status == 200
        except OSError:
            return False


@pytest.fixture(scope="module")
def web_process(session_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    home = tmp_path_factory.mktemp("web") / "home"
    home.symlink_to(template_home(session_cache, "embedded", NO_BUNDLE) / "home")
    port = free_port()
    with (home.parent / "web.log").open("wb") as log:
        process = subprocess.Popen(
            web("127.0.0.1", port),
            cwd=ROOT,
            env=environment_of(home, bundle=NO_BUNDLE, servers={"CONNECTIONS_PER_ADDRESS": str(PER_ADDRESS)}),
            stdout=log,
            stderr=log,
        )
    running = WebProcess(port, home, process)
    wait_until(running.answers, seconds=60, what="the start of the web process")
    yield running
    process.terminate()
    assert process.wait(timeout=30) == 0


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_pages_are_answered_beside_forty_slow_clients(behaviour: Behaviour, web_process: WebProcess) -> None:
    static = largest_static_file(web_process.home / "static")

    with SlowClients(web_process.port, behaviour, 40, path=static, addresses=4):
        statuses = [web_process.client().get(LOGIN).status for _ in range(20)]

    assert statuses == [200] * 20


def test_one_address_gets_no_more_connections_than_its_limit(web_process: WebProcess) -> None:
    with SlowClients(web_process.port, "headers", 3 * PER_ADDRESS) as slow:
        wait_until(
            lambda: slow.open_connections() <= 2 * PER_ADDRESS,  # two processes
            seconds=30,
            what="the refusal of the connections above the limit",
        )
        assert web_process.client().get(LOGIN).status == 200


def test_a_slow_reader_gets_the_whole_file(web_process: WebProcess) -> None:
    url = largest_static_file(web_process.home / "static")
    file = web_process.home / url.removeprefix("/")

    with closing(web_process.connect()) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
        connection.sendall(f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        body = received(connection).split(b"\r\n\r\n", 1)[1]

    assert hashlib.sha256(body).digest() == hashlib.sha256(file.read_bytes()).digest()


def test_requests_in_one_packet_and_in_single_bytes_are_answered(web_process: WebProcess) -> None:
    request = b"GET /health/live/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    last = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")

    with closing(web_process.connect()) as connection:
        connection.sendall(request + request + last[:10])
        for byte in last[10:]:
            connection.sendall(bytes([byte]))
        answers = received(connection)

    assert answers.count(b"HTTP/1.1 200 OK") == 3


def test_a_client_that_expects_a_permission_to_send_gets_it(web_process: WebProcess) -> None:
    head = b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\nConnection: close\r\n"

    with closing(web_process.connect()) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b"username=")
        assert received(connection).startswith(b"HTTP/1.1 403")  # no CSRF token


def test_a_long_body_of_an_anonymous_user_is_refused_before_it_is_sent(web_process: WebProcess) -> None:
    head = b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken=" + b"x" * 32
    head += b"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 65537\r\n\r\n"

    with closing(web_process.connect()) as connection:
        connection.sendall(head)
        assert received(connection).startswith(b"HTTP/1.1 400")


def test_a_request_in_progress_is_answered_when_the_process_stops(
    web_process: WebProcess, session_cache: Path
) -> None:
    with ThreadPoolExecutor(4) as clients:
        replies = [clients.submit(web_process.client().get, LOGIN) for _ in range(40)]
        for worker in children(web_process.process.pid):
            os.kill(worker, signal.SIGTERM)  # the arbiter starts another one
        statuses = [reply.result().status for reply in replies]

    assert statuses == [200] * 40


@pytest.mark.nightly
def test_a_slow_head_is_answered_408(web_process: WebProcess) -> None:
    with closing(web_process.connect()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert received(connection).startswith(b"HTTP/1.1 408")


def received(connection: socket.socket) -> bytes:
    """Return everything until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
