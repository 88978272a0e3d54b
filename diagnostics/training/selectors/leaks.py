"""The cases that the leak and shortcut checks of a run named."""

from __future__ import annotations

from typing import Any, Final

from diagnostics.accounts.models import User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case
from diagnostics.training.models import TrainingRun

SHOWN: Final = 12  # groups of one check on a page, and cases of one group


def named_cases(run: TrainingRun, *, user: User) -> dict[str, Case]:
    """Return the first cases of each check that the user may see, by id."""
    named = {case for check in run.leak_checks for group in shown_groups(check) for case in group}
    return {str(case.pk): case for case in cases.visible_to(user).filter(pk__in=named)}


def shown_groups(check: dict[str, Any]) -> list[list[str]]:
    """Return the ids of the cases that a page shows for one check, by group."""
    return [group[:SHOWN] for group in check["groups"][:SHOWN]]
