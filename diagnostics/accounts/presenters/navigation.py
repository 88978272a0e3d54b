"""The main menu: which places a person's role opens."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission


@dataclass(frozen=True)
class MenuEntry:
    """One item of the menu."""

    route: str
    words: str
    needs: str


@dataclass(frozen=True)
class MenuItem:
    """A place as one person sees it from one page."""

    url: str
    words: str
    route: str
    current: bool


MENU_ENTRIES = (
    MenuEntry("review:worklist", gettext_noop("Worklist"), Permission.DISTRIBUTE),
    MenuEntry("cases:list", gettext_noop("Cases"), Permission.SEE_CASES),
    MenuEntry("cases:upload", gettext_noop("Upload"), Permission.UPLOAD),
    MenuEntry("review:readers", gettext_noop("Readers"), Permission.OVERSEE),
    MenuEntry("imports:imports", gettext_noop("Imports"), Permission.IMPORT),
    MenuEntry("training:runs", gettext_noop("Training"), Permission.TRAIN),
    MenuEntry("registry:versions", gettext_noop("Models"), Permission.SEE_MODELS),
    MenuEntry("audit:events", gettext_noop("Audit"), Permission.AUDIT),
)


def menu(user: User, *, path: str) -> list[MenuItem]:
    """List the places this person may go, and mark the one that a path lies in."""
    places = [(place, reverse(place.route)) for place in MENU_ENTRIES if user.has_permission(place.needs)]
    # /cases/upload/ lies in Upload and in Cases: the longest address is the nearest.
    here = max((url for _place, url in places if path.startswith(url)), key=len, default="")
    return [MenuItem(url, gettext(place.words), place.route, url == here) for place, url in places]
