"""Small bar charts of a version's data: radiographs by finding, source, view, sex and age."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from diagnostics.registry.presenters.metrics import Json, finding_label
from diagnostics.registry.presenters.trust import with_site_names
from diagnostics.registry.trust_report import TrustReport

SUBGROUPS: Final = "H"  # the trust check that counts radiographs by group
WITH, WITHOUT = " with", " without"
MAX_BARS: Final = 6


@dataclass(frozen=True)
class Bar:
    """A group, its number of radiographs, and its share of the largest group in percent."""

    label: str
    radiographs: int
    percent: int


@dataclass(frozen=True)
class BarChart:
    """The groups of one attribute, largest first; without bars the attribute is not stored."""

    title: str
    bars: tuple[Bar, ...]


def bar_charts(manifest: Json, report: TrustReport | None, sites: Mapping[str, str]) -> tuple[BarChart, ...]:
    """Return the training set by finding and source, and the test set by view, sex and age."""
    training: Json = manifest.get("training") or {}
    groups = _test_groups(report, sites)
    titles = {
        "view": _("Test set by view"),
        "sex": _("Test set by sex"),
        "age": _("Test set by age"),
    }
    sources = _sources(training, sites)
    return (
        bar_chart(_("Training set by finding"), _classes(training)),
        bar_chart(_("Training set by source"), sources)
        if sources
        else bar_chart(_("Test set by source"), groups["source"]),
        *(bar_chart(title, groups[name]) for name, title in titles.items()),
    )


def _classes(training: Json) -> Counter[str]:
    counts = (training.get("counts") or {}).get("train") or {}
    return Counter({finding_label(label): count["cases"] for label, count in counts.items()})


def _sources(training: Json, sites: Mapping[str, str]) -> Counter[str]:
    """Return radiographs by source from counts by "finding, source"."""
    totals: Counter[str] = Counter()
    for name, radiographs in ((training.get("sources") or {}).get("train") or {}).items():
        totals[with_site_names(name.partition(", ")[2] or name, sites)] += radiographs
    return totals


def _test_groups(report: TrustReport | None, sites: Mapping[str, str]) -> dict[str, Counter[str]]:
    groups: dict[str, Counter[str]] = {name: Counter() for name in ("view", "sex", "age", "source")}
    check = report.check(SUBGROUPS) if report else None
    for key, radiographs in (check.metrics if check else {}).items():
        attribute, _space, rest = key.partition(" ")
        for ending in (WITHOUT, WITH):
            if attribute in groups and rest.endswith(ending):
                groups[attribute][with_site_names(rest.removesuffix(ending), sites)] += int(radiographs)
                break
    return groups


def bar_chart(title: str, counts: Counter[str]) -> BarChart:
    """Return the largest groups of one attribute as bars."""
    shown, others = counts.most_common()[:MAX_BARS], counts.most_common()[MAX_BARS:]
    if others:
        text = ngettext("%(n)d other", "%(n)d others", len(others)) % {"n": len(others)}
        shown.append((text, sum(n for _label, n in others)))
    largest = max((n for _label, n in shown), default=0) or 1
    bars = (Bar(label, n, round(100 * n / largest)) for label, n in shown)
    return BarChart(title, tuple(bars))
