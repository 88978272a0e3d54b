"""The sessions of the own account as rows of the profile page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils.translation import gettext as _

from diagnostics.accounts.selectors import OwnSession

# The first word found names the browser: Chrome also calls itself Safari, and Edge calls itself Chrome.
BROWSERS: Final = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS: Final = (
    *(("Android", "Android"), ("iPhone", "iOS"), ("iPad", "iOS"), ("Windows", "Windows")),
    *(("Mac OS X", "macOS"), ("Linux", "Linux")),
)


@dataclass(frozen=True)
class SessionRow:
    """One session; `browser` is only what the browser called itself."""

    browser: str
    began_at: datetime | None
    seen_at: datetime | None
    is_current: bool


def session_rows(sessions: Iterable[OwnSession], *, current: str | None) -> list[SessionRow]:
    """Return the rows of a user's sessions."""
    return [
        SessionRow(_browser(each.agent), each.began_at, each.seen_at, each.key == current)
        for each in sessions
    ]


def _browser(agent: str) -> str:
    browser = next((name for word, name in BROWSERS if word in agent), _("Unknown browser"))
    system = next((name for word, name in SYSTEMS if word in agent), "")
    return _("%(browser)s on %(system)s") % {"browser": browser, "system": system} if system else browser
