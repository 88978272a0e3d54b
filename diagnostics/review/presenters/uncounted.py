"""What pages with kept figures say of cases that are not counted yet."""

from __future__ import annotations

from django.utils.translation import ngettext

from diagnostics.review.selectors.figure_counts import MOST_NAMED


def uncounted_text(cases: int) -> str:
    """Return a sentence about changed cases that the figures of a page lack; empty without one."""
    if not cases:
        return ""
    if cases >= MOST_NAMED:
        text = ngettext(
            "More than %(n)d changed case is not counted yet. Reload the page in a minute.",
            "More than %(n)d changed cases are not counted yet. Reload the page in a minute.",
            MOST_NAMED,
        )
        return text % {"n": MOST_NAMED}
    text = ngettext(
        "%(n)d changed case is not counted yet. Reload the page in a minute.",
        "%(n)d changed cases are not counted yet. Reload the page in a minute.",
        cases,
    )
    return text % {"n": cases}
