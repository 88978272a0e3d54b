"""A socket that keeps what its client has not yet read, so that no thread waits for a slow reader."""

from __future__ import annotations

import os
import select
import socket
from typing import Any, Final

MAX_UNSENT: Final = 4 * 1024**2  # bytes; then the sender waits, as with images of many megabytes
STALLED_AFTER: Final = 30.0  # seconds without progress
FILE_BLOCK: Final = 256 * 1024  # bytes


class BufferedSocket(socket.socket):
    """Sends without waiting and keeps the rest in `unsent`, for `flush`."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(fileno=connection.detach())
        self.unsent = bytearray()

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Send or keep the data; raises TimeoutError when more than MAX_UNSENT is kept for too long."""
        self.unsent += data
        while not self.flush() and len(self.unsent) > MAX_UNSENT:
            writable = select.poll()  # select() knows no more than 1,024 files
            writable.register(self, select.POLLOUT)
            if not writable.poll(STALLED_AFTER * 1000):
                raise TimeoutError("the client does not read")

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send or keep a part of a file; return the number of bytes."""
        end = offset + count if count is not None else os.fstat(file.fileno()).st_size
        sent = 0
        while block := os.pread(file.fileno(), min(FILE_BLOCK, end - offset - sent), offset + sent):
            self.sendall(block)
            sent += len(block)
        return sent

    def flush(self) -> bool:
        """Send what the client takes at once; return whether nothing is left. Raises OSError."""
        while self.unsent:
            try:
                del self.unsent[: self.send(self.unsent, socket.MSG_DONTWAIT)]
            except BlockingIOError:
                return False
        return True
