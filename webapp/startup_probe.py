"""The web process seen from outside: is the address free, does it answer, what is not well."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request

POLL_SECONDS = 0.3  # seconds


class StartupProbe:
    """One address, looked at until it answers."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.was_opened = False
        self.troubles: list[tuple[str, str]] = []  # (part, word) as /health/ says
        self._look_at = 0.0

    @property
    def address(self) -> str:
        """Give the address a person may click on."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{host}:{self.port}/"

    def is_taken(self) -> bool:
        """Say whether somebody else listens there already."""
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError:
                return True
        return False

    def opens(self) -> bool:
        """Say True once, at the first answer."""
        now = time.monotonic()
        if self.was_opened or now < self._look_at:
            return False
        self._look_at = now + POLL_SECONDS
        answer = self._health()
        if answer is None:
            return False
        self.was_opened = True
        self.troubles = [(part, word) for part, word in answer.items() if word != "ok"]
        return True

    def _health(self) -> dict[str, str] | None:
        try:
            with urllib.request.urlopen(f"{self.address}health/", timeout=2) as answer:
                return dict(json.load(answer)["parts"])
        except urllib.error.HTTPError as unwell:
            return dict(json.load(unwell)["parts"]) if unwell.code == 503 else {"web": str(unwell.code)}
        except (OSError, ValueError):
            return None
