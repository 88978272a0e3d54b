"""Texts of the cases whose flag a promotion would change."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.cases.presenters.case import short_number
from diagnostics.training.selectors.flips import Flips


@dataclass(frozen=True)
class FlipRow:
    """One thumbnail with its link and its two scores."""

    url: str
    image: str
    number: str
    text: str
    scores: str


def flip_rows(found: Flips) -> list[FlipRow]:
    """Return the listed cases as thumbnails."""
    return [
        FlipRow(
            url=reverse("cases:case", args=[flip.case.pk]),
            image=reverse("cases:radiograph", args=[flip.case.pk]),
            number=short_number(flip.case),
            text=_("would be flagged") if flip.flagged else _("would no longer be flagged"),
            scores=f"{flip.before:.2f} \N{RIGHTWARDS ARROW} {flip.after:.2f}",
        )
        for flip in found.listed
    ]


def source_text(found: Flips, *, candidate: str, active: str) -> str:
    """Return which cases were compared, and how many would change."""
    names = {"candidate": candidate, "active": active, "n": found.compared}
    if not found.compared:
        return _("No case has stored probabilities of both %(candidate)s and %(active)s.") % names
    live = ngettext(
        "Compared on %(n)d recent case that both %(candidate)s and %(active)s have scored.",
        "Compared on %(n)d recent cases that both %(candidate)s and %(active)s have scored.",
        found.compared,
    )
    tested = ngettext(
        "%(candidate)s has scored no recent case: compared on %(n)d radiograph of its test set.",
        "%(candidate)s has scored no recent case: compared on %(n)d radiographs of its test set.",
        found.compared,
    )
    changes = _("%(added)d would be flagged, %(removed)d no longer.")
    counts = {"added": found.added, "removed": found.removed}
    return f"{(live if found.live else tested) % names} {changes % counts}"
