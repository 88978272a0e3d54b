"""The main menu: which places a person's role opens."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext, gettext_noop

from diagnostics.accounts.models import User
from diagnostics.accounts.roles import May


@dataclass(frozen=True)
class Place:
    """One item of the menu."""

    route: str
    words: str
    needs: str


@dataclass(frozen=True)
class Item:
    """A place as one person sees it from one page."""

    url: str
    words: str
    route: str
    current: bool


PLACES = (
    Place("review:worklist", gettext_noop("Worklist"), May.DISTRIBUTE),
    Place("cases:list", gettext_noop("Cases"), May.SEE_CASES),
    Place("cases:upload", gettext_noop("Upload"), May.UPLOAD),
    Place("review:readers", gettext_noop("Readers"), May.OVERSEE),
    Place("exchange:imports", gettext_noop("Imports"), May.IMPORT),
    Place("training:runs", gettext_noop("Training"), May.TRAIN),
    Place("registry:versions", gettext_noop("Models"), May.SEE_MODELS),
    Place("audit:events", gettext_noop("Audit"), May.AUDIT),
)


def menu(user: User, *, path: str) -> list[Item]:
    """List the places this person may go, and mark the one that a path lies in."""
    places = [(place, reverse(place.route)) for place in PLACES if user.may(place.needs)]
    # /cases/upload/ lies in Upload and in Cases: the longest address is the nearest.
    here = max((url for _place, url in places if path.startswith(url)), key=len, default="")
    return [Item(url, gettext(place.words), place.route, url == here) for place, url in places]
