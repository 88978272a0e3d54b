"""A gunicorn worker whose threads never wait for a client; see docs/adr/0020-slow-clients.md.

The event loop receives a request before a thread sees it, sends what the client has not yet read after the
thread is done, and waits for the client to close.
"""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
import struct
import time
from concurrent.futures import Future
from typing import Any, Final
from weakref import WeakSet

from gunicorn.workers.gthread import TConn, ThreadWorker

from webapp.buffered_socket import STALLED_AFTER, BufferedSocket
from webapp.request_framing import CONTINUE, is_complete, without_expectation

RECEIVE_SECONDS: Final = 20.0  # for a head and a short body
CLOSE_SECONDS: Final = 2.0  # for the client to close after the last response
DRAIN_SECONDS: Final = 0.05  # for the rest of a body that no view has read
SLOWEST_READER: Final = 16_384  # bytes a second
MAX_RECEIVING: Final = 512  # connections; then the oldest is closed
MAX_UNSENT: Final = 128 * 1024**2  # bytes of all connections; then the oldest is closed
BLOCK: Final = 65_536  # bytes

TIMED_OUT: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
TOO_MANY: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 10\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 41\r\n\r\nToo many connections from your address. \n"
)


class BufferingWorker(ThreadWorker):
    """gthread with buffered requests and responses, and a limit of connections for each address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Connection -> deadline, in order of their beginning. Only the event loop changes them.
        self.receiving: dict[TConn, float] = {}
        self.sending: dict[TConn, float] = {}
        self.closing: dict[TConn, float] = {}
        self.connections: WeakSet[TConn] = WeakSet()
        self.per_address = 0

    def init_process(self) -> None:
        """Allow as many open files as connections, then run."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 4 * self.worker_connections:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * self.worker_connections, hard), hard))
        super().init_process()

    def run(self) -> None:
        """Read the settings, which are loaded now, and serve."""
        from django.conf import settings

        self.per_address = settings.CONNECTIONS_PER_ADDRESS
        super().run()

    def enqueue_req(self, conn: TConn) -> None:
        """Receive the next request of a new or kept-alive connection."""
        if self.cfg.is_ssl:  # the bytes are encrypted; only a proxy in front can buffer them
            super().enqueue_req(conn)
            return
        if conn not in self.connections and not self._admit(conn):
            return
        conn.sock.setblocking(False)
        conn.received = bytearray(conn.parser.unreader.take_buffered() if conn.parser else b"")
        self.receiving[conn] = time.monotonic() + RECEIVE_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: self._receive(conn))
        self._receive(conn)
        if len(self.receiving) > MAX_RECEIVING:
            self._refuse(next(iter(self.receiving)), TIMED_OUT)

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Send the rest of the response, then keep the connection or close it."""
        if self.cfg.is_ssl:
            super().finish_request(conn, fs)
        elif conn.sock.fileno() < 0:
            self.nr_conns -= 1
        elif not conn.sock.unsent:
            self._keep_or_close(conn, fs)
        else:
            conn.sock.setblocking(False)
            seconds = STALLED_AFTER + len(conn.sock.unsent) / SLOWEST_READER
            self.sending[conn] = time.monotonic() + seconds
            self.poller.register(conn.sock, selectors.EVENT_WRITE, lambda _: self._send(conn, fs))
            if sum(len(each.sock.unsent) for each in self.sending) > MAX_UNSENT:
                self._drop(next(iter(self.sending)))

    def murder_pending(self) -> None:
        """Close the connections that are past their deadline, which is soon when the worker stops."""
        super().murder_pending()
        now = time.monotonic()
        if not self.alive:
            self.receiving = {conn: min(end, now + CLOSE_SECONDS) for conn, end in self.receiving.items()}
        for conn in _expired(self.receiving, now):
            self._refuse(conn, TIMED_OUT if conn.received else b"")
        for conn in [*_expired(self.sending, now), *_expired(self.closing, now)]:
            self._drop(conn)

    def _admit(self, conn: TConn) -> bool:
        """Prepare a new connection; refuse it when its address has too many."""
        address = conn.client[0] if isinstance(conn.client, tuple) else ""  # none on a Unix socket
        others = sum(each.client[0] == address for each in self.connections if each.sock.fileno() >= 0)
        conn.sock = BufferedSocket(conn.sock)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(STALLED_AFTER), 0))
        if address and 0 < self.per_address <= others:
            with contextlib.suppress(OSError):
                conn.sock.send(TOO_MANY)
            self._drop(conn)
            return False
        self.connections.add(conn)
        return True

    def _receive(self, conn: TConn) -> None:
        """Add what has arrived, and give a complete request to a thread."""
        try:
            while not is_complete(conn.received):
                data = conn.sock.recv(BLOCK)
                if not data:
                    self._drop(conn)
                    return
                conn.received += data
                if (request := without_expectation(conn.received)) is not None:
                    conn.sock.send(CONTINUE)
                    conn.received = request
        except BlockingIOError:
            return  # more is to come
        except OSError:
            self._drop(conn)
            return
        self._forget(conn)
        conn.init()
        conn.parser.unreader.unread(bytes(conn.received))
        conn.data_ready = True
        super().enqueue_req(conn)

    def _send(self, conn: TConn, fs: Future[Any]) -> None:
        try:
            if not conn.sock.flush():
                return
        except OSError:
            self._drop(conn)
            return
        self._forget(conn)
        self._keep_or_close(conn, fs)

    def _keep_or_close(self, conn: TConn, fs: Future[Any]) -> None:
        if not fs.cancelled() and fs.exception() is None and fs.result():
            super().finish_request(conn, fs)
        else:
            self._refuse(conn, b"")

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Return whether the connection can be kept; the rest of an unread body is not awaited."""
        return bool(keepalive and conn.parser.finish_body(deadline=time.monotonic() + DRAIN_SECONDS))

    def _refuse(self, conn: TConn, response: bytes) -> None:
        """Send a short response, end the sending side, and wait for the client without blocking the loop."""
        self._forget(conn)
        try:
            conn.sock.setblocking(False)
            if response:
                conn.sock.send(response)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn)
            return
        self.closing[conn] = time.monotonic() + CLOSE_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, lambda _: self._await_close(conn))

    def _await_close(self, conn: TConn) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                if conn.sock.recv(BLOCK):
                    return  # the rest of a request that was refused
            except ConnectionError:
                pass
            self._drop(conn)

    def _drop(self, conn: TConn) -> None:
        """Close a connection at once."""
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _forget(self, conn: TConn) -> None:
        """Take a connection out of the event loop."""
        for waiting in (self.receiving, self.sending, self.closing):
            if waiting.pop(conn, None) is not None:
                self.poller.unregister(conn.sock)


def _expired(waiting: dict[TConn, float], now: float) -> list[TConn]:
    return [conn for conn, deadline in waiting.items() if deadline <= now]
