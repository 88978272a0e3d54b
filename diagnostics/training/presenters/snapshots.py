"""The charts and thumbnails of a snapshot's page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.cases.models import View
from diagnostics.cases.presenters.case import short_number
from diagnostics.findings import Finding
from diagnostics.registry.presenters.subsets import BarChart, bar_chart
from diagnostics.training.models import Part
from diagnostics.training.selectors.snapshots import Change, SnapshotSummary

MOST_USES: Final = 20  # evaluations of one test set


@dataclass(frozen=True)
class Thumbnail:
    """One case of the sample."""

    url: str
    image: str
    number: str


def snapshot_charts(summary: SnapshotSummary) -> tuple[BarChart, ...]:
    """Return the counts of a snapshot by each attribute."""
    unknown = {"": _("Unknown")}
    names: dict[str, Mapping[str, str]] = {
        "part": {each.value: str(each.label) for each in Part},
        "finding": {each.value: str(each.label) for each in Finding},
        "view": {each.value: str(each.label) for each in View},
        "sex": {"F": _("female"), "M": _("male")} | unknown,
    }
    titles = {
        "part": _("By part"),
        "finding": _("By finding"),
        "source": _("By site"),
        "view": _("By view"),
        "sex": _("By sex"),
        "age": _("By age"),
        "month": _("By month of the study"),
    }
    return tuple(
        bar_chart(title, renamed(summary.counts[name], names.get(name, unknown)))
        for name, title in titles.items()
    )


def renamed(counts: Counter[str], names: Mapping[str, str]) -> Counter[str]:
    """Return counts by the display names of their values."""
    result: Counter[str] = Counter()
    for value, number in counts.items():
        result[names.get(value, value)] += number
    return result


def change_text(change: Change | None) -> str:
    """Return what changed since the last snapshot."""
    if change is None:
        return _("This is the first snapshot.")
    added = ngettext("%(n)d label added", "%(n)d labels added", change.added) % {"n": change.added}
    removed = ngettext("%(n)d label removed", "%(n)d labels removed", change.removed) % {"n": change.removed}
    since = _("since training run %(number)d") % {"number": change.since.number}
    return f"{added}, {removed} {since}."


def uses_text(uses: int) -> str:
    """Return how often the test set was used, and what to do when that is too often."""
    text = ngettext(
        "%(n)d run was evaluated on this test set.", "%(n)d runs were evaluated on this test set.", uses
    ) % {"n": uses}
    if uses < MOST_USES:
        return text
    return (
        text
        + " "
        + _("After %(most)d evaluations the best candidate may be best by chance: collect a fresh test set.")
        % {"most": MOST_USES}
    )


def thumbnails(summary: SnapshotSummary) -> list[Thumbnail]:
    """Return the sample as thumbnails."""
    return [
        Thumbnail(
            reverse("training:lineage", args=[case.pk]),
            reverse("cases:radiograph", args=[case.pk]),
            short_number(case),
        )
        for case in summary.sample
    ]
