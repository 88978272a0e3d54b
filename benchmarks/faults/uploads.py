"""Clients that upload radiographs and send each one again until the server has accepted it."""

from __future__ import annotations

import hashlib
import http.client
import queue
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.http_client import HttpClient
from tests.radiographs import individual_radiograph_png
from tests.stack import Stack

CLIENTS = 4
RETRY_PAUSE = 0.3  # seconds
MAX_TRIES = 400


@dataclass
class Uploads:
    """Radiographs that are uploaded while faults happen; the SHA-256 of each accepted file is recorded."""

    stack: Stack
    number: int
    first_seed: int
    accepted: dict[str, str] = field(default_factory=dict)  # SHA-256 -> id of the case
    errors: Counter[str] = field(default_factory=Counter)  # of tries that were repeated
    given_up: list[int] = field(default_factory=list)
    _due: queue.Queue[int | None] = field(default_factory=queue.Queue)
    _threads: list[threading.Thread] = field(default_factory=list)
    _released: int = 0

    def start(self) -> None:
        """Start the clients; they upload what `release` permits."""
        self._threads = [threading.Thread(target=self._send_all) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def release(self, share: float) -> None:
        """Permit this share of all uploads, counted from the first."""
        while self._released < round(self.number * share):
            self._due.put(self._released)
            self._released += 1

    def finish(self) -> None:
        """Permit the remaining uploads and wait until all are sent."""
        self.release(1)
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()

    def _send_all(self) -> None:
        client = self.stack.api_client("technician")
        while (number := self._due.get()) is not None:
            self._send(client, number)

    def _send(self, client: HttpClient, number: int) -> None:
        radiograph = individual_radiograph_png(self.first_seed + number)
        fields = {"patient_ref": f"FAULT-{number}", "priority": "stat" if number % 10 == 0 else "routine"}
        for _ in range(MAX_TRIES):
            try:
                reply = client.post("/api/v1/cases/", fields, {"radiograph": ("r.png", radiograph)})
            except (OSError, http.client.HTTPException) as error:
                self.errors[type(error).__name__] += 1
            else:
                if reply.status in (200, 201):
                    self.accepted[hashlib.sha256(radiograph).hexdigest()] = reply.json()["id"]
                    return
                self.errors[_reason(reply.status, reply.body)] += 1
            time.sleep(RETRY_PAUSE)
        self.given_up.append(number)


def _reason(status: int, body: bytes) -> str:
    for code in (b"decoder_crashed", b"decoder_timeout", b"damaged", b"storage"):
        if code in body:
            return f"{status} {code.decode()}"
    return str(status)
