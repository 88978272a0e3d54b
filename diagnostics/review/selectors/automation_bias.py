"""Effect of the AI result on readings: changes after it was shown, and automation bias."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from diagnostics.accounts.models import User
from diagnostics.review.models import FigureKind
from diagnostics.review.selectors.figure_counts import numbers_of


@dataclass(frozen=True)
class AutomationBias:
    """Counts of first readings and what their readers decided after seeing the AI result."""

    assisted: int  # readings confirmed or changed after the AI result
    contradicted: int  # of these, with an AI result other than the first reading
    changed: int
    towards_final: int  # changed from another finding to the final one
    away_from_final: int  # changed from the final finding to another one
    misled: int  # first reading correct, AI result wrong, then changed to a wrong finding
    correct_against_wrong_ai: int  # first reading correct and AI result wrong: the total of `misled`


class _Group(NamedTuple):
    """AI-assisted readings with the same findings."""

    number: int
    first: str
    predicted: str
    assisted: str
    final: str  # empty unless the case is final and has another reader

    @property
    def is_changed(self) -> bool:
        return self.first != self.assisted

    @property
    def is_at_risk(self) -> bool:
        """Return whether the first reading was correct and the AI result wrong."""
        return bool(self.final) and self.first == self.final != self.predicted


def automation_bias(user: User) -> AutomationBias:
    """Count the assisted readings of a user's sites; final findings come from the consensus.

    The final finding of a case with a single reader is that reader's own, so it says nothing of a change.
    """
    groups = [_Group(number, *key) for key, number in numbers_of(user, FigureKind.ASSISTED).items()]
    changed = [group for group in groups if group.is_changed]
    changed_final = [group for group in changed if group.final]
    at_risk = [group for group in groups if group.is_at_risk]
    return AutomationBias(
        assisted=_sum(groups),
        contradicted=_sum(group for group in groups if group.predicted != group.first),
        changed=_sum(changed),
        towards_final=_sum(group for group in changed_final if group.assisted == group.final),
        away_from_final=_sum(group for group in changed_final if group.first == group.final),
        misled=_sum(group for group in at_risk if group.assisted != group.final),
        correct_against_wrong_ai=_sum(at_risk),
    )


def _sum(groups: Iterable[_Group]) -> int:
    return sum(group.number for group in groups)
