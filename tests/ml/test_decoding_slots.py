"""Decoding slots: a bound over all processes of a host that a killed process does not use up."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ml.errors import DecoderBusy
from ml.images import decoding_server_process
from ml.images.decode_in_child import decode_radiograph_in_child
from ml.images.decoding_slots import DecodingSlots, held_slot
from tests.radiographs import radiograph_png
from tests.servers import wait_until

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
    import sys
    from pathlib import Path
    from ml.images.decoding_slots import DecodingSlots
    with DecodingSlots(Path(sys.argv[1]), 1, 0).take():
        print("held", flush=True)
        sys.stdin.read()
"""


def test_no_more_threads_than_slots_hold_one_at_a_time(tmp_path: Path) -> None:
    slots, lock = DecodingSlots(tmp_path, 2, 30), threading.Lock()
    holding: list[int] = []
    most = 0

    def work(number: int) -> None:
        nonlocal most
        with slots.take():
            with lock:
                holding.append(number)
                most = max(most, len(holding))
            os.sched_yield()
            with lock:
                holding.remove(number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert most == 2


def test_a_thread_takes_its_slot_once(tmp_path: Path) -> None:
    slots = DecodingSlots(tmp_path, 1, 0)
    with slots.take() as outer, slots.take() as inner:
        assert outer == inner == held_slot()
    assert held_slot() is None


def test_without_a_free_slot_the_decoder_is_busy(tmp_path: Path) -> None:
    slots = DecodingSlots(tmp_path, 1, 0.05)
    with slots.take(), ThreadPoolExecutor(1) as pool, pytest.raises(DecoderBusy):
        pool.submit(lambda: slots.take().__enter__()).result()
    with slots.take() as slot:
        assert slot


@pytest.mark.slow
def test_a_slot_of_another_process_is_taken_and_freed_when_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(DecoderBusy), DecodingSlots(tmp_path, 1, 0).take():
            pass
        other.kill()
    with DecodingSlots(tmp_path, 1, 0).take() as slot:
        assert slot


@pytest.mark.slow
def test_a_running_child_keeps_the_slot_of_a_parent_that_gave_it_up(tmp_path: Path) -> None:
    slots = DecodingSlots(tmp_path, 1, 0)
    with slots.take() as slot:
        decode_radiograph_in_child(radiograph_png())
        server = decoding_server_process.server.pid
        read, write = os.pipe()
        copy = os.dup(slot)
        file, pixels = os.memfd_create("radiograph"), os.memfd_create("pixels")
        request = (
            b'{"output": "radiograph", "cpu_seconds": 5, "wall_seconds": 60, "memory_bytes": 1500000000}'
        )
        os.kill(server or 0, 19)  # SIGSTOP: the request waits in the socket
        decoding_server_process.server.send(request, [write, file, pixels, copy])
    for descriptor in (write, file, pixels, copy):
        os.close(descriptor)
    with pytest.raises(DecoderBusy), slots.take():
        pass
    os.kill(server or 0, 18)  # SIGCONT: the child refuses the empty file and exits
    assert b"empty_file" in os.read(read, 1000)
    os.close(read)
    wait_until(lambda: _is_free(slots), seconds=20, what="the slot is free")


def _is_free(slots: DecodingSlots) -> bool:
    try:
        with slots.take():
            return True
    except DecoderBusy:
        return False
