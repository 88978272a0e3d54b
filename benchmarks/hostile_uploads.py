"""HostileFile files sent to a running Readroom: responses, memory use, and surviving processes.

python -m benchmarks.hostile_uploads [--mutants 2000] [--seed 1] [--inflated 800] [--largest 12] [--clients 4]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.process_memory import MemoryMonitor
from tests.hostile_files import ACCEPTED, MEGABYTE, HostileFile, Reply, send, specimens
from tests.mutants import largest_images, mutants, valid_images
from tests.radiographs import radiograph_png
from tests.small_bundle import make_bundle
from tests.stack import Stack, readroom_stack
from webapp.processes import WEB

EXPECTED_STATUS = (200, 201, 400)


def main() -> int:
    """Send all files and print the results; return 1 if any response was wrong."""
    arguments = _parser().parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(Path(folder) / "small")
        with readroom_stack("embedded", bundle=bundle) as stack:
            return _measure(stack, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--inflated", type=int, default=800, help="megabytes in a compressed file")
    parser.add_argument("--largest", type=int, default=12)
    parser.add_argument("--clients", type=int, default=4)
    return parser


def _measure(stack: Stack, arguments: argparse.Namespace) -> int:
    token = stack.token("technician")
    wrong = 0
    with MemoryMonitor(stack.processes[WEB].pid) as monitor:
        workers, at_rest = monitor.workers(), monitor.current()
        for kind, files in _files(arguments).items():
            wrong += _send_all(kind, files, stack, token, arguments.clients)
        survived, maximum = monitor.workers() == workers, monitor.maximum
    last = send(stack.base_url, token, radiograph_png(999))
    print(f"web processes: {'unchanged' if survived else 'SOME TERMINATED'}")
    print(
        f"memory of the web process and its children: {_megabytes(at_rest):,} MB at rest, "
        f"{_megabytes(maximum):,} MB maximum"
    )
    print(f"valid radiograph afterwards: {last.outcome}")
    partial = list(stack.home.joinpath("media").rglob("*.tmp"))
    print(f"incomplete files: {len(partial)}")
    return int(bool(wrong or not survived or last.outcome != ACCEPTED or partial))


def _files(arguments: argparse.Namespace) -> dict[str, Iterable[HostileFile]]:
    return {
        "specimens": specimens(inflated=arguments.inflated * MEGABYTE),
        "valid radiographs": valid_images(),
        "radiographs of 40 megapixels": largest_images(arguments.largest),
        "mutants": (
            HostileFile(f"mutant {number}", content, frozenset())
            for number, content in enumerate(mutants(arguments.mutants, arguments.seed))
        ),
    }


def _send_all(kind: str, files: Iterable[HostileFile], stack: Stack, token: str, clients: int) -> int:
    """Send one kind of file, print the responses and return the number of wrong ones."""
    start, replies, wrong = time.monotonic(), [], []
    for file, reply in _replies(files, stack, token, clients):
        replies.append(reply)
        if reply.status not in EXPECTED_STATUS or (file.allowed and reply.outcome not in file.allowed):
            wrong.append(f"  WRONG {file.label}: {reply.status} {reply.outcome}, not {sorted(file.allowed)}")
    endings = Counter(reply.outcome for reply in replies)
    seconds = time.monotonic() - start
    print(f"{kind}: {len(replies)} sent in {seconds:.0f} s, {len(wrong)} wrong responses")
    print("  " + ", ".join(f"{ending} {count}" for ending, count in endings.most_common()))
    print(f"  slowest response {max(reply.seconds for reply in replies):.1f} s")
    print("\n".join(wrong), end="\n" if wrong else "")
    return len(wrong)


def _replies(
    files: Iterable[HostileFile], stack: Stack, token: str, clients: int
) -> Iterator[tuple[HostileFile, Reply]]:
    in_memory = threading.BoundedSemaphore(2 * clients)  # limits the number of files in memory

    def upload(file: HostileFile) -> tuple[HostileFile, Reply]:
        try:
            start = time.monotonic()
            reply = send(stack.base_url, token, file.content, file.name)
            return replace(file, content=b""), replace(reply, seconds=time.monotonic() - start)
        finally:
            in_memory.release()

    with ThreadPoolExecutor(clients) as pool:
        uploads = [pool.submit(upload, file) for file in files if in_memory.acquire()]
        for done in uploads:
            yield done.result()


def _megabytes(count: int) -> int:
    return round(count / MEGABYTE)


if __name__ == "__main__":
    sys.exit(main())
