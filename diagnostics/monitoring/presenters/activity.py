"""Volume, failures, waiting and running times as charts and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from diagnostics.cases.models import QualityCode
from diagnostics.monitoring.measures import Measure, quantile
from diagnostics.monitoring.models import Count
from diagnostics.monitoring.policy import MIN_CASES, WAITING_LIMIT
from diagnostics.monitoring.presenters import time_chart
from diagnostics.monitoring.presenters.time_chart import Line, TimeChart
from diagnostics.monitoring.selectors.aggregates import Totals
from diagnostics.monitoring.selectors.overview import Overview

TONES: Final = ((Count.DONE, "main"), (Count.STOPPED, "warn"), (Count.FAILED, "stat"))
MINUTE, HOUR = 60, 3600  # seconds


@dataclass(frozen=True)
class CodeRow:
    """How often predictions ended with one code."""

    code: str
    label: str
    count: int
    share: str


def volume_chart(overview: Overview) -> TimeChart:
    """Return AI results, stops and failures by day or week."""
    totals = overview.totals
    counts = {count: totals.count(count) for count, _tone in TONES}
    text = _("%(done)d AI results, %(stopped)d stopped at the quality gate, %(failed)d failed.")
    return time_chart.columns(
        _("Volume"),
        text % {count.value: number for count, number in counts.items()},
        [[(step.totals.count(count), tone) for count, tone in TONES] for step in overview.steps],
        ends=ends(overview),
        keys=tuple((tone, f"{count.label}: {counts[count]}") for count, tone in TONES),
    )


def code_rows(totals: Totals) -> list[CodeRow]:
    """Return stops and failures by code, the most frequent first."""
    rows = []
    for name, count in totals.counts.items():
        kind, _colon, code = name.partition(":")
        if code:
            label = QualityCode(code).label if kind == Count.STOPPED else Count.FAILED.label
            rows.append(CodeRow(code, str(label), count, f"{100 * count / totals.finished:.1f} %"))
    return sorted(rows, key=lambda row: (-row.count, row.code))


def times_chart(overview: Overview, measure: Measure) -> TimeChart:
    """Return the median and the 95th percentile of a time by day or week."""
    medians, slowest = (
        [quantile(step.totals.histogram(measure), measure, share) for step in overview.steps]
        for share in (0.5, 0.95)
    )
    top = max((each for each in (*medians, *slowest) if each is not None), default=1.0) * 1.1
    return time_chart.lines(
        str(measure.label),
        _times_text(overview.totals, measure),
        [Line(_("95th percentile"), "other", slowest), Line(_("median"), "main", medians)],
        ends=ends(overview),
        labels=[(0, "0"), (top, duration(top))],
        limits=[WAITING_LIMIT.total_seconds()] if measure == Measure.WAITED else [],
        note=_times_text(overview.totals, measure),
    )


def _times_text(totals: Totals, measure: Measure) -> str:
    bins = totals.histogram(measure)
    median, late, n = quantile(bins, measure, 0.5), quantile(bins, measure, 0.95), sum(bins.values())
    if median is None or late is None:
        return _("No AI result in this range.")
    if n < MIN_CASES:
        return _("Median %(median)s; too few for a percentile (n = %(n)d).") % {
            "median": duration(median),
            "n": n,
        }
    text = _("Median %(median)s, 95th percentile %(late)s (n = %(n)d).")
    return text % {"median": duration(median), "late": duration(late), "n": n}


def duration(seconds: float) -> str:
    """Return a duration with two digits and its unit."""
    if seconds < MINUTE:
        return _("%(n).2g s") % {"n": seconds} if seconds < 10 else _("%(n).0f s") % {"n": seconds}
    if seconds < HOUR:
        return _("%(n).1f min") % {"n": seconds / MINUTE}
    return _("%(n).1f h") % {"n": seconds / HOUR}


def ends(overview: Overview) -> tuple[str, str]:
    """Return the texts of the first and the last day of a chart."""
    return f"{overview.first:%Y-%m-%d}", f"{overview.last:%Y-%m-%d}"
