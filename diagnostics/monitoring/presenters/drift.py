"""Score and input drift as rows and charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.models import View
from diagnostics.monitoring.measures import DRIFT_MEASURES, Measure
from diagnostics.monitoring.models import Dimension
from diagnostics.monitoring.policy import PSI_LIMIT, PSI_WATCH, REFERENCE_CASES, State
from diagnostics.monitoring.presenters import time_chart
from diagnostics.monitoring.presenters.activity import ends
from diagnostics.monitoring.presenters.time_chart import Line, TimeChart
from diagnostics.monitoring.selectors.overview import SITE, MeasuredDrift, Overview, Stratum
from diagnostics.registry.presenters.badges import Badge

BADGES: Final = {
    State.TOO_FEW: Badge("info", "info", State.TOO_FEW.label),
    State.GOOD: Badge("done", "good", State.GOOD.label),
    State.INCONCLUSIVE: Badge("info", "info", State.INCONCLUSIVE.label),
    State.WATCH: Badge("warn", "warn", State.WATCH.label),
    State.BEYOND: Badge("failed", "stat", State.BEYOND.label),
}
SEXES: Final = {"M": gettext_lazy("male"), "F": gettext_lazy("female"), "O": gettext_lazy("other")}
HIGHEST: Final = 0.5  # of the index in charts
LABELS: Final = ((0.0, "0"), (PSI_WATCH, "0.1"), (PSI_LIMIT, "0.25"), (HIGHEST, "0.5"))


@dataclass(frozen=True)
class DriftRow:
    """Drift of one measure as texts; empty where there are too few."""

    label: str
    n: int
    reference_n: int
    psi: str
    psi_interval: str
    ks: str
    ks_interval: str
    badge: Badge


@dataclass(frozen=True)
class Cell:
    """Drift of one measure in a stratum."""

    text: str
    interval: str
    title: str
    badge: Badge | None


@dataclass(frozen=True)
class StratumRow:
    """The drift of all measures in one stratum."""

    dimension: str
    label: str
    n: int
    cells: tuple[Cell, ...]


def drift_rows(overview: Overview) -> list[DriftRow]:
    """Return a row for each measure."""
    return [_row(each) for each in overview.drifts]


def stratum_rows(overview: Overview) -> list[StratumRow]:
    """Return a row for each stratum with cases."""
    return [
        StratumRow(
            _dimension_label(stratum.dimension),
            _value_label(stratum),
            stratum.totals.finished,
            tuple(_cell(each) for each in stratum.drifts),
        )
        for stratum in overview.strata
    ]


def measure_labels() -> list[str]:
    """Return the heads of the columns of strata."""
    return [str(measure.label) for measure in DRIFT_MEASURES]


def drift_charts(overview: Overview) -> list[TimeChart]:
    """Return the index of each measure by day or week."""
    return [_chart(overview, measure) for measure in DRIFT_MEASURES]


def reference_texts(overview: Overview) -> list[str]:
    """Return where the reference of each site comes from, or what is still missing."""
    by_site = {each.source.site_id: each for each in overview.baselines if each.source}
    texts = []
    for site in overview.sites:
        found = by_site.get(site.pk)
        if found is None or found.source is None:
            text = _("%(site)s: no reference yet; it is frozen after the first %(n)d AI results.")
            texts.append(text % {"site": site.name, "n": REFERENCE_CASES})
            continue
        text = _("%(site)s: the first %(n)d AI results of %(version)s there, %(first)s to %(last)s.")
        if found.own is None:
            text = _(
                "%(site)s: for the measures of images the first %(n)d AI results of %(version)s there, "
                "%(first)s to %(last)s, until the active version has as many."
            )
        source = found.source
        values = {"site": site.name, "n": source.predictions, "version": str(source.version)}
        days = {"first": _day(source.first_at), "last": _day(source.last_at)}
        texts.append(text % (values | days))
    return texts


def _row(each: MeasuredDrift) -> DriftRow:
    label, badge = str(each.measure.label), BADGES[each.state]
    if each.drift is None:
        return DriftRow(label, each.n, each.reference_n, "", "", "", "", badge)
    return DriftRow(
        label,
        each.n,
        each.reference_n,
        f"{each.drift.psi:.2f}",
        _interval(each.drift.psi_interval),
        f"{each.drift.ks:.2f}",
        _interval(each.drift.ks_interval),
        badge,
    )


def _cell(each: MeasuredDrift) -> Cell:
    if each.drift is None:
        counts = _("n = %(n)d, reference %(m)d") % {"n": each.n, "m": each.reference_n}
        return Cell(str(State.TOO_FEW.label), "", counts, None)
    title = _("Kolmogorov-Smirnov %(ks).2f %(ks_interval)s, n = %(n)d, reference %(m)d") % {
        "ks": each.drift.ks,
        "ks_interval": _interval(each.drift.ks_interval),
        "n": each.n,
        "m": each.reference_n,
    }
    return Cell(f"{each.drift.psi:.2f}", _interval(each.drift.psi_interval), title, BADGES[each.state])


def _chart(overview: Overview, measure: Measure) -> TimeChart:
    values = [step.psi.get(measure) for step in overview.steps]
    known = [value for value in values if value is not None]
    text = _("%(n)d of %(steps)d points; the others have too few.") % {"n": len(known), "steps": len(values)}
    if known:
        text += " " + _("Last %(last).2f, highest %(most).2f.") % {"last": known[-1], "most": max(known)}
    return time_chart.lines(
        str(measure.label),
        text,
        [Line(str(measure.label), "active", values)],
        ends=ends(overview),
        labels=LABELS,
        limits=(PSI_WATCH, PSI_LIMIT),
        note=text,
    )


def _dimension_label(dimension: str) -> str:
    return _("Site") if dimension == SITE else str(Dimension(dimension).label)


def _value_label(stratum: Stratum) -> str:
    if not stratum.value:
        return _("unknown")
    labels = {Dimension.VIEW.value: dict(View.choices), Dimension.SEX.value: SEXES}
    return str(labels.get(stratum.dimension, {}).get(stratum.value, stratum.value))


def _interval(interval: Sequence[float]) -> str:
    return f"[{interval[0]:.2f}, {interval[1]:.2f}]"


def _day(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d}"
