"""The main menu: the pages that a user's role may open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission


@dataclass(frozen=True)
class MenuEntry:
    """One entry of the menu and the permission it needs."""

    route: str
    label: str
    permission: str


@dataclass(frozen=True)
class MenuItem:
    """An entry as one user sees it on one page."""

    url: str
    label: str
    is_current: bool
    count: int | None  # of the cases behind the entry, where the page knows it


MENU_ENTRIES = (
    MenuEntry("home", gettext_noop("Home"), Permission.OPERATE),
    MenuEntry("cases:list", gettext_noop("Cases"), Permission.SEE_CASES),
    MenuEntry("cases:upload", gettext_noop("Upload"), Permission.UPLOAD),
    MenuEntry("review:readers", gettext_noop("Readers"), Permission.MANAGE_READERS),
    MenuEntry("patients:conflicts", gettext_noop("Conflicts"), Permission.CORRECT),
    MenuEntry("imports:imports", gettext_noop("Imports"), Permission.IMPORT),
    MenuEntry("training:runs", gettext_noop("Training"), Permission.TRAIN),
    MenuEntry("registry:versions", gettext_noop("Models"), Permission.SEE_MODELS),
    MenuEntry("monitoring:page", gettext_noop("Monitoring"), Permission.MONITOR),
    MenuEntry("accounts:staff", gettext_noop("Staff"), Permission.MANAGE_STAFF),
    MenuEntry("integrations:webhooks", gettext_noop("Webhooks"), Permission.MANAGE_INTEGRATIONS),
    MenuEntry("audit:events", gettext_noop("Audit"), Permission.AUDIT),
    MenuEntry("status", gettext_noop("Status"), Permission.OPERATE),
)


def menu(user: User, *, path: str, counts: Mapping[str, int] = MappingProxyType({})) -> list[MenuItem]:
    """Return the menu of a user, with the entry that contains `path` marked as current.

    `counts` holds numbers to show beside entries, by route.
    """
    entries = [
        (entry, reverse(entry.route)) for entry in MENU_ENTRIES if user.has_permission(entry.permission)
    ]
    # /cases/upload/ begins with the URLs of Cases and of Upload: the longest one is current.
    current = max((url for _entry, url in entries if _contains(url, path)), key=len, default="")
    return [
        MenuItem(url, gettext(entry.label), url == current, counts.get(entry.route)) for entry, url in entries
    ]


def _contains(url: str, path: str) -> bool:
    """Return whether a page belongs to an entry; every path begins with that of the home page."""
    return path == url if url == reverse("home") else path.startswith(url)
