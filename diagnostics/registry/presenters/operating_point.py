"""The operating point of a promotion: its figures, and its place on the ROC curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.utils.translation import gettext as _

from diagnostics.registry.policy import OperatingPoint
from diagnostics.registry.presenters import charts, metrics
from diagnostics.registry.presenters.charts import Chart, Evaluated, Series
from diagnostics.registry.presenters.metrics import MIN_TEST_RADIOGRAPHS, Fact
from ml.metrics import statistics


def facts(point: OperatingPoint) -> tuple[Fact, ...]:
    """Return the figures of an operating point, with intervals from 30 radiographs on."""
    finding = metrics.finding_label(point.finding)
    return (
        Fact(_("Threshold for %(finding)s") % {"finding": finding}, metrics.number(point.threshold)),
        Fact(_("Sensitivity on the test set"), _share(point.sensitivity, point.with_finding)),
        Fact(_("Specificity on the test set"), _share(point.specificity, point.without_finding)),
        Fact(_("Positive predictive value"), _predictive(point.ppv)),
        Fact(_("Negative predictive value"), _predictive(point.npv)),
    )


def warning(point: OperatingPoint) -> str:
    """Return a warning where the test set is small; else empty."""
    if min(point.with_finding, point.without_finding) >= MIN_TEST_RADIOGRAPHS:
        return ""
    text = _(
        "Chosen from %(with)d radiographs with and %(without)d without the finding: too few for an interval."
    )
    return text % {"with": point.with_finding, "without": point.without_finding}


def roc_chart(versions: Sequence[Evaluated], point: OperatingPoint | None) -> Chart:
    """Return the ROC curves with the chosen operating point on them."""
    chart = charts.roc_chart(versions)
    if point is None or point.sensitivity is None or point.specificity is None:
        return chart
    dot = charts.pixel(1 - point.specificity, point.sensitivity)
    chosen = Series("chosen", _("chosen operating point"), "", "", "", (dot,))
    return replace(chart, series=(*chart.series, chosen))


def _share(value: float | None, n: int) -> str:
    if value is None:
        return _("not stored")
    if n < MIN_TEST_RADIOGRAPHS:
        return f"{value:.3f} (n = {n})"
    low, high = statistics.wilson(round(value * n), n)
    return f"{value:.3f} [{low:.2f}, {high:.2f}] (n = {n})"


def _predictive(value: float | None) -> str:
    return metrics.number(value) if value is not None else _("enter a prevalence")
