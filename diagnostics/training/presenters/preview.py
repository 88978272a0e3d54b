"""The data set that a run would be given, as small bar charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from django.utils.translation import gettext as _

from diagnostics.cases.models import View
from diagnostics.registry.presenters.subsets import BarChart, bar_chart
from diagnostics.training.presenters.snapshots import renamed


def preview_charts(counts: Mapping[str, Counter[str]]) -> tuple[BarChart, ...]:
    """Return the training labels by source, view and sex."""
    return (
        bar_chart(_("By source"), counts["source"]),
        bar_chart(_("By view"), renamed(counts["view"], {each.value: str(each.label) for each in View})),
        bar_chart(_("By sex"), renamed(counts["sex"], {"F": _("female"), "M": _("male"), "": _("Unknown")})),
    )
