"""The leak and shortcut checks of a run for pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import ngettext

from diagnostics.cases.models import Case
from diagnostics.cases.presenters.case import short_number
from diagnostics.registry.presenters import badges
from diagnostics.registry.presenters.badges import Badge
from diagnostics.training.leak_texts import NAMES, check_text
from diagnostics.training.models import TrainingRun
from diagnostics.training.selectors.leaks import shown_groups


@dataclass(frozen=True)
class NamedCase:
    """A thumbnail with its link."""

    url: str
    image: str
    number: str


@dataclass(frozen=True)
class LeakRow:
    """One check: name, result, explanation, and the cases it names."""

    name: str
    badge: Badge
    text: str
    groups: tuple[tuple[NamedCase, ...], ...]
    more: str  # how many further cases are not shown


def leak_rows(run: TrainingRun, cases: Mapping[str, Case]) -> tuple[LeakRow, ...]:
    """Return the checks of a run; `cases` are those that the user may see."""
    return tuple(_row(check, cases) for check in run.leak_checks)


def _row(check: Mapping[str, Any], cases: Mapping[str, Case]) -> LeakRow:
    groups = [tuple(_named(cases[pk]) for pk in group if pk in cases) for group in shown_groups(dict(check))]
    total = len({pk for group in check["groups"] for pk in group})
    hidden = total - len({each.url for group in groups for each in group})
    return LeakRow(
        name=str(NAMES.get(check["code"], check["code"])),
        badge=badges.check_badge(check["status"], failed=check["status"] == "FAIL"),
        text=check_text(check),
        groups=tuple(group for group in groups if group),
        more=ngettext("%(n)d further case", "%(n)d further cases", hidden) % {"n": hidden} if hidden else "",
    )


def _named(case: Case) -> NamedCase:
    return NamedCase(
        url=reverse("cases:case", args=[case.pk]),
        image=reverse("cases:radiograph", args=[case.pk]),
        number=short_number(case),
    )
