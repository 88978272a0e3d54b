"""A web process is ready for an upload when it starts, not after the first one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.servers import wait_until
from tests.stack_fixtures import StartStack
from webapp.processes import WEB

pytestmark = pytest.mark.stack


def descendants(root: int) -> list[str]:
    """Return the command of every process below one."""
    commands, parents = {}, {root}
    for _generation in range(2):  # gunicorn's workers, then their children
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, parent = int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])
                command = (stat.parent / "cmdline").read_text().replace("\0", " ")
            except OSError:  # the process ended meanwhile
                continue
            if parent in parents:
                commands[pid] = command
        parents |= set(commands)
    return list(commands.values())


def test_each_web_process_starts_its_decoding_server_before_a_request(start_stack: StartStack) -> None:
    def servers() -> int:
        return sum("ml.images.decoding_server" in each for each in descendants(stack.processes[WEB].pid))

    with start_stack("embedded", processes=(WEB,)) as stack:
        wait_until(lambda: servers() == 2, seconds=30, what="two decoding servers")
