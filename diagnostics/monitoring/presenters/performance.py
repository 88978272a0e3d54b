"""Agreement with readers, and performance on randomly drawn cases, as charts with intervals."""

from __future__ import annotations

from collections.abc import Callable

from django.utils.translation import gettext as _

from diagnostics.monitoring.policy import READING_WINDOW
from diagnostics.monitoring.presenters import time_chart
from diagnostics.monitoring.presenters.activity import ends
from diagnostics.monitoring.presenters.time_chart import Line, TimeChart
from diagnostics.monitoring.selectors.overview import Overview, Rolling
from diagnostics.review.proportion import MIN_CASES, Proportion

LABELS = ((0.0, "0"), (0.5, "0.5"), (1.0, "1"))


def performance_charts(overview: Overview) -> list[TimeChart]:
    """Return agreement, sensitivity and specificity in the 28 days before each day or week."""
    return [
        _chart(overview, _("AI-reader agreement"), lambda each: each.agreement, overview.accuracy_floor),
        _chart(
            overview,
            _("Sensitivity, randomly drawn cases"),
            lambda each: each.sensitivity,
            overview.sensitivity_floor,
        ),
        _chart(overview, _("Specificity, randomly drawn cases"), lambda each: each.specificity, None),
    ]


def proportion_text(proportion: Proportion) -> str:
    """Return a proportion with its interval, or that there are too few."""
    counts = f"{proportion.count} / {proportion.total}"
    if proportion.too_few:
        text = _("%(counts)s: too few for an estimate, at least %(n)d are needed.")
        return text % {"counts": counts, "n": MIN_CASES}
    low, high = proportion.interval
    text = _("%(counts)s: %(value).2f, 95 %% interval %(low).2f to %(high).2f.")
    return text % {"counts": counts, "value": proportion.value, "low": low, "high": high}


def _chart(
    overview: Overview, title: str, proportion_of: Callable[[Rolling], Proportion], floor: float | None
) -> TimeChart:
    found = [proportion_of(each) for each in overview.rolling]
    last = found[-1] if found else Proportion(0, 0)
    text = _("Last %(days)d days: %(text)s") % {"days": READING_WINDOW.days, "text": proportion_text(last)}
    if floor is not None:
        text += " " + _("Dashed: lower bound on the test set, %(floor).2f.") % {"floor": floor}
    line = Line(
        title,
        "active",
        [None if each.too_few else each.value for each in found],
        [None if each.too_few else each.interval for each in found],
    )
    limits = () if floor is None else (floor,)
    return time_chart.lines(title, text, [line], ends=ends(overview), labels=LABELS, limits=limits, note=text)
