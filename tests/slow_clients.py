"""Slow clients of a web server: they send headers or a body byte by byte, or do not read, or do not close."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

Behaviour = Literal["headers", "body", "read", "close"]
BEHAVIOURS: Final[tuple[Behaviour, ...]] = ("headers", "body", "read", "close")
BYTE_INTERVAL = 1.0  # seconds between two bytes of one client
SMALL_BUFFER = 4096  # bytes that the kernel receives for a client that does not read


class SlowClients:
    """Open connections that stay slow until the block ends, from one or several loopback addresses."""

    def __init__(
        self, port: int, behaviour: Behaviour, count: int, *, path: str = "/", addresses: int = 1
    ) -> None:
        self._port, self._behaviour, self._count = port, behaviour, count
        self._path, self._addresses = path, addresses
        self._sockets: list[socket.socket] = []
        self._ended = threading.Event()
        self._drip = threading.Thread(target=self._send_bytes, daemon=True, name="slow-clients")

    def __enter__(self) -> Self:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * self._count + 256)), hard))
        for number in range(self._count):
            with contextlib.suppress(OSError):  # refused: as good as closed
                self._sockets.append(self._connect(f"127.0.0.{2 + number % self._addresses}"))
        self._drip.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._drip.join()
        for connection in self._sockets:
            connection.close()

    def open_connections(self) -> int:
        """Return how many connections the server has not closed."""
        return sum(not _is_closed(connection) for connection in self._sockets)

    def _connect(self, address: str) -> socket.socket:
        connection = socket.socket()
        connection.settimeout(5)
        if self._behaviour == "read":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        connection.bind((address, 0))
        connection.connect(("127.0.0.1", self._port))
        connection.sendall(self._beginning())
        connection.setblocking(False)
        return connection

    def _beginning(self) -> bytes:
        post = (
            b"POST /accounts/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: csrftoken=" + b"x" * 32 + b"\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 50000\r\n\r\nusername="
        )
        get = f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
        return {
            "headers": get + b"X-Slow: ",
            "body": post,
            "read": get + b"\r\n",
            "close": get + b"Connection: close\r\n\r\n",
        }[self._behaviour]

    def _send_bytes(self) -> None:
        if self._behaviour in ("read", "close"):
            return
        while not self._ended.wait(BYTE_INTERVAL):
            for connection in self._sockets:
                with contextlib.suppress(OSError):
                    connection.send(b"x")


def largest_static_file(static: Path) -> str:
    """Return the URL of the largest collected static file, which any visitor may fetch."""
    return (
        f"/static/{max((path.stat().st_size, path) for path in static.rglob('*.*'))[1].relative_to(static)}"
    )


def _is_closed(connection: socket.socket) -> bool:
    try:
        while data := connection.recv(65536):
            del data
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
