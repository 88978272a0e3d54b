"""Errors of the client. Each has the exit code of the command line."""

from __future__ import annotations

from typing import Any, ClassVar


class ReadroomError(Exception):
    """Base of all errors; the message is for the user."""

    exit_code: ClassVar[int] = 1


class Refused(ReadroomError):
    """The server refused a request; `code` is stable, `problem` the whole answer (RFC 9457)."""

    exit_code = 3

    def __init__(self, problem: dict[str, Any], status: int) -> None:
        super().__init__(str(problem.get("detail", f"HTTP {status}")))
        self.problem = problem
        self.code = str(problem.get("code", "unknown"))
        self.status = status


class NotPermitted(Refused):
    """The API token is missing, not valid, or lacks a scope."""

    exit_code = 4


class Unavailable(ReadroomError):
    """The server could not be reached, or was busy at every attempt."""

    exit_code = 5


class TimedOut(ReadroomError):
    """What was waited for has not ended in time; it continues on the server."""

    exit_code = 6


class NoToken(ReadroomError):
    """There is no API token for the server."""

    exit_code = 4
