"""The data set that a run would be given, as small bar charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from django.utils.translation import gettext as _

from diagnostics.cases.models import View
from diagnostics.registry.presenters.subsets import BarChart, bar_chart


def preview_charts(counts: Mapping[str, Counter[str]]) -> tuple[BarChart, ...]:
    """Return the training labels by source, view and sex."""
    return (
        bar_chart(_("By source"), counts["source"]),
        bar_chart(_("By view"), _renamed(counts["view"], {each.value: str(each.label) for each in View})),
        bar_chart(_("By sex"), _renamed(counts["sex"], {"F": _("female"), "M": _("male"), "": _("Unknown")})),
    )


def _renamed(counts: Counter[str], names: Mapping[str, str]) -> Counter[str]:
    renamed: Counter[str] = Counter()
    for value, number in counts.items():
        renamed[names.get(value, value)] += number
    return renamed
