"""The processes of a running stack that a fault may hit: killed, frozen, stopped and started again."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers import server_at
from tests.stack import Stack
from webapp.processes import INFERENCE, SCHEDULER, WEB


@dataclass(frozen=True)
class Target:
    """One thing that can fail; `restart` brings it back, or does nothing when its parent does that."""

    name: str
    pids: Callable[[], list[int]]
    kill: Callable[[], None]
    restart: Callable[[], None]
    stop: Callable[[], None] | None = None  # an orderly stop


def targets(stack: Stack) -> list[Target]:
    """Return what can fail in a stack: its processes, their children, and its servers."""
    processes = [_process(stack, name) for name in (WEB, INFERENCE, SCHEDULER)]
    children = [
        _children(stack, "web worker", WEB, lambda command: "gunicorn" in command),
        _children(stack, "inference child", INFERENCE, lambda command: "decoding_server" not in command),
        _children(stack, "decoding child", WEB, lambda command: "decoding_server" in command),
    ]
    urls = {"Redis": stack.environment.get("BROKER_URL"), "PostgreSQL": stack.environment.get("DATABASE_URL")}
    return [*processes, *children, *(_server(name, url) for name, url in urls.items() if url)]


def freeze(pids: list[int]) -> None:
    """Stop processes without ending them; their connections stay open."""
    _signal(pids, signal.SIGSTOP)


def thaw(pids: list[int]) -> None:
    """Continue frozen processes."""
    _signal(pids, signal.SIGCONT)


def descendants(pid: int) -> Iterator[int]:
    """Yield the children of a process, and theirs."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))


def _process(stack: Stack, name: str) -> Target:
    def pids() -> list[int]:
        pid = stack.processes[name].pid
        return [pid, *descendants(pid)]

    return Target(
        name,
        pids,
        kill=lambda: stack.kill9(name),
        restart=lambda: stack.start(name),
        stop=lambda: stack.stop_process(name),
    )


def _children(stack: Stack, name: str, parent: str, matches: Callable[[str], bool]) -> Target:
    def pids() -> list[int]:
        return [pid for pid in descendants(stack.processes[parent].pid) if matches(_command_line(pid))]

    return Target(name, pids, kill=lambda: _signal(pids()[:1], signal.SIGKILL), restart=lambda: None)


def _server(name: str, url: str) -> Target:
    server = server_at(url)

    def pids() -> list[int]:
        return [server.process.pid, *descendants(server.process.pid)]

    return Target(name, pids, kill=server.kill9, restart=server.restart)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _signal(pids: list[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
