"""A probe of the web process from outside: is its port free, has it started, is it healthy."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request

from diagnostics.jobs.heartbeats import NAMES

POLL_SECONDS = 0.3


class StartupProbe:
    """Polls the health page of one address until it responds."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.has_started = False
        self.problems: list[tuple[str, str]] = []  # (component, state) of /health/, where not "ok"
        self._next_poll = 0.0

    @property
    def url(self) -> str:
        """Return the URL for a browser on this host."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104
        return f"http://{host}:{self.port}/"

    def is_port_in_use(self) -> bool:
        """Return whether another process listens on the port."""
        with socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError:
                return True
        return False

    def has_just_started(self) -> bool:
        """Return True once, at the first response of the health page."""
        now = time.monotonic()
        if self.has_started or now < self._next_poll:
            return False
        self._next_poll = now + POLL_SECONDS
        components = self._components()
        if components is None:
            return False
        self.has_started = True
        self.problems = [
            (component, state)
            for component, state in components.items()
            if state != "ok" and component not in NAMES  # workers start later than the web process
        ]
        return True

    def _components(self) -> dict[str, str] | None:
        try:
            with urllib.request.urlopen(f"{self.url}health/", timeout=2) as response:  # noqa: S310 - http
                return dict(json.load(response)["components"])
        except urllib.error.HTTPError as error:
            return dict(json.load(error)["components"]) if error.code == 503 else {"web": str(error.code)}
        except (OSError, ValueError):
            return None
