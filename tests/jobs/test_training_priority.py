"""A training leaves the processor to all other processes, whose sessions the kernel treats alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import wait_until
from tests.stack_fixtures import StartStack
from webapp.processes import INFERENCE, SCHEDULER, TRAINING, WEB

pytestmark = pytest.mark.stack


def priority_of_session(pid: int) -> str:
    return Path(f"/proc/{pid}/autogroup").read_text(encoding="ascii").strip().rpartition(" ")[2]


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel knows no autogroups")
def test_the_session_of_the_training_worker_has_the_priority_of_its_process(start_stack: StartStack) -> None:
    with start_stack("embedded", processes=(WEB, INFERENCE, TRAINING, SCHEDULER)) as stack:
        training = stack.processes[TRAINING].pid
        wait_until(lambda: priority_of_session(training) == "10", seconds=60, what="a lower priority")
        assert priority_of_session(stack.processes[INFERENCE].pid) == "0"
