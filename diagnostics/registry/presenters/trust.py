"""The trust report for pages: checks by name, groups, and figures."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.registry.presenters import badges
from diagnostics.registry.presenters.badges import Badge
from diagnostics.registry.presenters.metrics import MIN_TEST_RADIOGRAPHS
from diagnostics.registry.trust_report import StoredCheck, TrustReport

SITE_ID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
FIGURE_TITLES: Final = (
    gettext_lazy("ROC curve"),
    gettext_lazy("Confusion matrix"),
    gettext_lazy("Reliability"),
    gettext_lazy("Risk by coverage"),
    gettext_lazy("Scores by source"),
    gettext_lazy("Learning curves"),
)
# The labels of stored figures reach 3.9 to 1 only: each theme has its own colour of text.
STORED_TEXT: Final = "#75818d"
STORED_NAME: Final = re.compile(">(?:candidate|default):")  # of a version before its registration
FIGURE_TEXT: Final = {"dark": "#9aa7b4", "light": "#55616d"}


@dataclass(frozen=True)
class CheckRow:
    """One check with the badge of its result."""

    id: str
    name: str
    badge: Badge
    blocking: bool
    summary: str
    threshold: str
    value: str
    interval: str
    n: int


@dataclass(frozen=True)
class CheckGroup:
    """The checks of one subject."""

    anchor: str
    title: str
    checks: tuple[CheckRow, ...]


@dataclass(frozen=True)
class TrustPanel:
    """The verdict, the number of checks by result, and the checks."""

    badge: Badge
    failed: str  # names of the failed blocking checks, separated by commas
    passed: int
    warned: int
    not_possible: int
    checks: tuple[CheckRow, ...]
    groups: tuple[CheckGroup, ...]
    excluded: tuple[tuple[str, int], ...]  # reason, radiographs


@dataclass(frozen=True)
class Figure:
    """The number and the title of a figure."""

    number: int
    title: str


def trust_panel(report: TrustReport | None, sites: Mapping[str, str]) -> TrustPanel | None:
    """Return a trust report for a page, with the names of sites; None without a report."""
    if report is None:
        return None
    rows = tuple(_row(check, sites) for check in report.checks if check.id)
    failed = (check.name for check in report.checks if check.id in report.failed)
    return TrustPanel(
        badge=badges.trust_badge(report.verdict),
        failed=", ".join(failed) or ", ".join(report.failed),
        passed=report.count("PASS"),
        warned=report.count("WARN"),
        not_possible=report.count("NOT_POSSIBLE"),
        checks=rows,
        groups=_groups(report, rows),
        excluded=tuple((reason, report.excluded.count(reason)) for reason in dict.fromkeys(report.excluded)),
    )


def figures(stored: tuple[str, ...]) -> tuple[Figure, ...]:
    """Return the titles of stored figures."""
    return tuple(
        Figure(number, str(title))
        for number, (title, _svg) in enumerate(zip(FIGURE_TITLES, stored, strict=False))
    )


def figure_svg(stored: str, *, theme: str, version: str, sites: Mapping[str, str]) -> str:
    """Return a stored figure with the text colour of a theme and the names of the version and of sites."""
    stored = STORED_NAME.sub(f">{version}:", stored)
    escaped = {site: name.replace("&", "&amp;").replace("<", "&lt;") for site, name in sites.items()}
    return with_site_names(stored.replace(STORED_TEXT, FIGURE_TEXT[theme]), escaped)


def with_site_names(text: str, sites: Mapping[str, str]) -> str:
    """Replace the ids of sites in a text by their names."""
    return SITE_ID.sub(lambda found: sites.get(found[0], _("a removed site")), text)


def _groups(report: TrustReport, rows: tuple[CheckRow, ...]) -> tuple[CheckGroup, ...]:
    group_of = {check.id: check.group for check in report.checks}
    grouped = groupby(rows, key=lambda row: group_of[row.id])
    return tuple(
        CheckGroup(f"checks-{number}", title or _("Other"), tuple(members))
        for number, (title, members) in enumerate(grouped, start=1)
    )


def _row(check: StoredCheck, sites: Mapping[str, str]) -> CheckRow:
    interval = check.interval if check.n >= MIN_TEST_RADIOGRAPHS else None
    return CheckRow(
        id=check.id,
        name=check.name,
        badge=badges.check_badge(check.status, failed=check.failed),
        blocking=check.blocking,
        summary=with_site_names(check.summary, sites),
        threshold=check.threshold,
        value="" if check.value is None else f"{check.value:.3g}",
        interval=f"[{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "",
        n=check.n,
    )
