"""A Django shell in a process of its own that stays: each start of Django costs seconds of processor time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from tests.template_home import ROOT


class DjangoShell:
    """Runs Python code in the Django of an environment; started on first use."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment, self._log = dict(environment), log
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str) -> str:
        """Return what the code printed; fails with the traceback of an error."""
        if self._process is None:
            self._process = self._start()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(code) + "\n")
        stdin.flush()
        line = stdout.readline()
        assert line, f"the Django shell ended\n{self._log.read_text(errors='replace')[-2000:]}"
        reply = json.loads(line)
        assert not reply["error"], reply["error"]
        return str(reply["output"]).strip()

    def stop(self) -> None:
        """End the process, if it was started."""
        if self._process is not None:
            with self._process:
                assert self._process.stdin is not None
                self._process.stdin.close()
            self._process = None

    def _start(self) -> subprocess.Popen[str]:
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.django_shell"],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )


def serve() -> None:
    """Run each line of standard input, a JSON string of Python code, and print a JSON reply."""
    import traceback

    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever logs to standard output must not mix with the replies
    import django

    django.setup()
    from django.db import connections

    for line in sys.stdin:
        printed, error = StringIO(), ""
        try:
            with redirect_stdout(printed):
                exec(compile(json.loads(line), "<test>", "exec"), {})
        except Exception:
            error = traceback.format_exc()
        connections.close_all()
        replies.write(json.dumps({"output": printed.getvalue(), "error": error}) + "\n")
        replies.flush()


if __name__ == "__main__":
    serve()
