"""Reads a secret or personal line from the terminal or from a pipe.

Never from an argument: other users of the host see the arguments of a process, and the shell stores them.
"""

from __future__ import annotations

import sys
from getpass import getpass

from django.core.management.base import CommandError


def ask(prompt: str, *, twice: bool = False) -> str:
    """Return one line that is not shown while it is typed; raises CommandError for an empty one."""
    if not sys.stdin.isatty():
        text = sys.stdin.readline().rstrip("\r\n")
    else:
        text = getpass(prompt)
        if twice and getpass("Again: ") != text:
            raise CommandError("The two entries differ.")
    if not text:
        raise CommandError("Nothing was entered.")
    return text
