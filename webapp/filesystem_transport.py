"""Kombu's filesystem transport, asynchronous and with atomic writes."""

from __future__ import annotations

import fcntl
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.encoding import str_to_bytes
from kombu.utils.json import dumps

Bindings = list[filesystem.exchange_queue_t]

SCHEME = "folder"


class Channel(filesystem.Channel):
    """Every file is written as a draft and renamed: no worker reads half a message or table.

    Kombu's own creates the table of an exchange empty and locks it afterwards. Of two workers that start
    together, one then reads the empty table and ends, or replaces the binding of the other.
    """

    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:
        name = f"{int(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        _replace(Path(self.data_folder_out, name), payload)

    def get_table(self, exchange: str) -> Bindings:
        """Return the bindings; a table that an earlier version left incomplete counts as empty."""
        try:
            return list(super().get_table(exchange))
        except ValueError:
            return []

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self._change_bindings(exchange, lambda others: [binding, *others], binding)

    def _delete(self, queue: str, exchange: str, routing_key: str, pattern: str, *_: Any, **__: Any) -> None:
        self._purge(queue)
        binding = filesystem.exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self._change_bindings(exchange, lambda others: others, binding)

    def _change_bindings(
        self, exchange: str, change: Callable[[Bindings], Bindings], binding: filesystem.exchange_queue_t
    ) -> None:
        """Store the bindings that `change` makes of those other than `binding`."""
        self.control_folder.mkdir(exist_ok=True)
        with _locked(self.control_folder / "bindings.lock"):
            stored = self.get_table(exchange)
            changed = change([other for other in stored if other != binding])
            if changed != stored:
                _replace(self._exchange_file(exchange), changed)


def _replace(file: Path, content: Any) -> None:
    draft = file.with_name(f"{file.name}.{uuid.uuid4()}.draft")
    draft.write_bytes(str_to_bytes(dumps(content)))
    draft.rename(file)


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock that also ends with the process."""
    with file.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


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
