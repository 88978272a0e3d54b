"""Kombu's filesystem transport, asynchronous and with atomic writes."""

from __future__ import annotations

import time
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps

SCHEME = "folder"


class Channel(filesystem.Channel):
    """Write a message to a draft, then rename it: a worker that reads an incomplete message would crash."""

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:
        name = f"{int(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        draft = Path(self.data_folder_out, f"{name}.draft")
        draft.write_bytes(str_to_bytes(dumps(payload)))
        draft.rename(draft.with_suffix(""))


class Transport(filesystem.Transport):
    """The transport of broker URLs that begin with folder://, polled by the worker's event loop.

    Kombu's own is not asynchronous. Celery then uses a pool whose processes share one pipe and its lock: a
    child that is killed while it waits for work keeps the lock, and the worker computes nothing more.
    """

    Channel = Channel
    implements = filesystem.Transport.implements.extend(asynchronous=True)

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Let the event loop deliver messages at each polling interval."""
        loop.call_repeatedly(self.polling_interval, self._deliver_all)

    def _deliver_all(self) -> None:
        with suppress(Empty):  # no message, or the worker has as many as it may prefetch
            while True:
                self.cycle.get(self._deliver)


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
