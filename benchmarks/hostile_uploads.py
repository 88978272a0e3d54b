"""What hostile files do to a running Readroom: every answer, the memory it took, and who survived.

python -m benchmarks.hostile_uploads [--mutants 2000] [--seed 1] [--inflated 800] [--largest 12] [--senders 4]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tests.hostile_files import ACCEPTED, MEGABYTE, Hostile, Reply, send, specimens
from tests.mutants import largest, mutants, sound
from tests.radiographs import radiograph_png
from tests.small_bundle import make_bundle
from tests.stack import Stack, readroom_stack
from webapp.processes import WEB


class Watch:
    """Looks at the web process and all below it: how much memory they hold together, and who is there."""

    def __init__(self, root: int) -> None:
        self.root, self.most, self._over = root, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def workers(self) -> list[int]:
        """Name the processes that gunicorn started."""
        return sorted(pid for pid, parent in _parents().items() if parent == self.root)

    def _look(self) -> None:
        while not self._over.wait(0.05):
            self.most = max(self.most, sum(_resident(pid) for pid in _below(self.root)))


def main() -> int:
    """Send everything and print the figures; 1 when any answer was wrong."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--mutants", type=int, default=2000)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--inflated", type=int, default=800, help="megabytes in a deflated file")
    words.add_argument("--largest", type=int, default=12)
    words.add_argument("--senders", type=int, default=4)
    wanted = words.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(Path(folder) / "small")
        with readroom_stack("embedded", bundle=bundle) as stack:
            return _measure(stack, wanted)


def _measure(stack: Stack, wanted: argparse.Namespace) -> int:
    token = stack.manage("drf_create_token", "technician").split()[2]
    everything = {
        "specimens": specimens(inflated=wanted.inflated * MEGABYTE),
        "sound radiographs": sound(),
        "radiographs of 40 megapixels": largest(wanted.largest),
        "mutants": (
            Hostile(f"mutant {number}", radiograph, frozenset())
            for number, radiograph in enumerate(mutants(wanted.mutants, wanted.seed))
        ),
    }
    wrong = 0
    with Watch(stack.processes[WEB].pid) as watch:
        before, at_rest = watch.workers(), _megabytes(sum(map(_resident, _below(watch.root))))
        for what, files in everything.items():
            wrong += _send_all(what, files, stack, token, wanted.senders)
        same, most = watch.workers() == before, _megabytes(watch.most)
    last = send(stack.base_url, token, radiograph_png(999))
    print(f"web processes: {'the same as before' if same else 'SOME DIED'}")
    print(f"memory of the web process and its children: {at_rest:,} MB at rest, {most:,} MB at most")
    print(f"a sound radiograph afterwards: {last.ending}")
    left = list(stack.home.joinpath("media").rglob("*.tmp"))
    print(f"half-written files left: {len(left)}")
    return int(bool(wrong or not same or last.ending != ACCEPTED or left))


def _send_all(what: str, files: Iterable[Hostile], stack: Stack, token: str, senders: int) -> int:
    """Send one kind of file and print how they ended; says how many ended wrongly."""
    began, replies, wrong = time.monotonic(), [], []
    with ThreadPoolExecutor(senders) as pool:
        held = threading.BoundedSemaphore(2 * senders)  # files in memory at one moment

        def one(file: Hostile) -> tuple[Hostile, Reply]:
            try:
                start = time.monotonic()
                reply = send(stack.base_url, token, file.content, file.name)
                return replace(file, content=b""), replace(reply, seconds=time.monotonic() - start)
            finally:
                held.release()

        sending = [pool.submit(one, file) for file in files if held.acquire()]
        for sent in sending:
            file, reply = sent.result()
            replies.append(reply)
            if reply.status not in (200, 201, 400) or (file.right and reply.ending not in file.right):
                wrong.append(f"  WRONG {file.what}: {reply.status} {reply.ending}, not {sorted(file.right)}")
    endings = Counter(reply.ending for reply in replies)
    print(f"{what}: {len(replies)} sent in {time.monotonic() - began:.0f} s, {len(wrong)} answered wrongly")
    print("  " + ", ".join(f"{ending} {count}" for ending, count in endings.most_common()))
    print(f"  slowest answer {max(reply.seconds for reply in replies):.1f} s")
    print("\n".join(wrong), end="\n" if wrong else "")
    return len(wrong)


def _parents() -> dict[int, int]:
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    return found


def _below(root: int) -> list[int]:
    parents, family = _parents(), [root]
    for one in family:  # grows while it is walked
        family += [pid for pid, parent in parents.items() if parent == one]
    return family


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


def _megabytes(count: int) -> int:
    return round(count / MEGABYTE)


if __name__ == "__main__":
    sys.exit(main())
