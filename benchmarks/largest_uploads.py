"""A burst of radiographs of 40 megapixels: answers, repeated requests and memory of the web process tree.

python -m benchmarks.largest_uploads [--uploads 24] [--clients 12]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from benchmarks.process_memory import MemoryMonitor
from tests.hostile_files import ACCEPTED, HostileFile, Reply, send
from tests.mutants import largest_images
from tests.stack import Stack, readroom_stack
from webapp.processes import WEB

BUSY: Final = "busy"
PATIENCE: Final = 60  # requests of one client for one file
GIGABYTE: Final = 10**9
AT_REST: Final = 1.0 * GIGABYTE  # two web processes with their decoding servers
PER_SLOT: Final = (
    2.2 * GIGABYTE
)  # the limit of a child (1.5) and the file, pixels and PNGs in the web process


@dataclass
class Burst:
    """The answers to a burst of uploads."""

    outcomes: Counter[str] = field(default_factory=Counter)
    busy: int = 0  # answers 503 with Retry-After, after which the client repeated the request
    slowest: float = 0.0  # seconds of one answer
    maximum: int = 0  # bytes of the web process tree

    def is_within(self, slots: int) -> bool:
        """Return whether the memory stayed below the stated bound."""
        return self.maximum < AT_REST + slots * PER_SLOT


def main() -> int:
    """Send the burst and print the result; return 1 if a radiograph was refused or the bound exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=24)
    parser.add_argument("--clients", type=int, default=12)
    arguments = parser.parse_args()
    with readroom_stack("embedded", processes=(WEB,)) as stack:
        slots = int(stack.shell("from django.conf import settings; print(settings.DECODING_SLOTS)"))
        burst = send_burst(stack, arguments.uploads, arguments.clients)
    print(f"{arguments.uploads} radiographs of 40 megapixels by {arguments.clients} clients, {slots} slots")
    print(f"outcomes: {dict(burst.outcomes)}; answers 503 before: {burst.busy}")
    print(f"slowest answer: {burst.slowest:.1f} s")
    bound = (AT_REST + slots * PER_SLOT) / GIGABYTE
    print(f"memory of the web process tree: {burst.maximum / GIGABYTE:.2f} GB at most, bound {bound:.1f} GB")
    return int(set(burst.outcomes) != {ACCEPTED} or not burst.is_within(slots))


def send_burst(stack: Stack, uploads: int, clients: int) -> Burst:
    """Upload that many radiographs at once; a client repeats its request after 503."""
    burst, token = Burst(), stack.token("technician")
    with MemoryMonitor(stack.processes[WEB].pid) as monitor, ThreadPoolExecutor(clients) as pool:
        for replies in pool.map(lambda file: list(_until_free(stack, token, file)), largest_images(uploads)):
            burst.busy += len(replies) - 1
            burst.outcomes[replies[-1].outcome] += 1
            burst.slowest = max(burst.slowest, *(reply.seconds for reply in replies))
    burst.maximum = monitor.maximum
    return burst


def _until_free(stack: Stack, token: str, file: HostileFile) -> Iterator[Reply]:
    for _ in range(PATIENCE):
        start = time.monotonic()
        reply = send(stack.base_url, token, file.content, file.name)
        yield Reply(reply.status, reply.outcome, time.monotonic() - start, reply.retry_after)
        if reply.outcome != BUSY:
            return
        time.sleep(reply.retry_after)


if __name__ == "__main__":
    sys.exit(main())
