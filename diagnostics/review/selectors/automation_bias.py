"""Effect of the AI result on readings: changes after it was shown, and automation bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Exists, F, OuterRef

from diagnostics.accounts.models import User
from diagnostics.cases.selectors import visible_to
from diagnostics.review.models import AssistedReading, ConsensusStatus
from diagnostics.review.selectors.readings import standing_readings


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


class _Row(NamedTuple):
    first: str
    predicted: str
    assisted: str
    status: str
    final: str
    has_other_reader: bool

    @property
    def is_final(self) -> bool:
        """Return whether a final finding exists that is not the reader's own reading alone."""
        return self.has_other_reader and self.status == ConsensusStatus.FINAL


def automation_bias(user: User) -> AutomationBias:
    """Count the assisted readings of a user's sites; final findings come from the consensus.

    The final finding of a case with a single reader is that reader's own, so it says nothing of a change.
    """
    others = standing_readings().filter(case=OuterRef("reading__case")).exclude(by=OuterRef("reading__by"))
    assisted_readings = AssistedReading.objects.filter(
        reading__withdrawn_at=None, reading__case__in=visible_to(user), reading__case__copy_of=None
    ).annotate(
        first=F("reading__finding"),
        predicted=F("prediction__finding"),
        status=F("reading__case__consensus__status"),
        final=F("reading__case__consensus__finding"),
        has_other_reader=Exists(others),
    )
    columns = assisted_readings.values_list(
        "first", "predicted", "finding", "status", "final", "has_other_reader"
    )
    rows = [_Row(*row) for row in columns]
    changed = [row for row in rows if row.first != row.assisted]
    changed_final = [row for row in changed if row.is_final]
    at_risk = [row for row in rows if row.is_final and row.first == row.final != row.predicted]
    return AutomationBias(
        assisted=len(rows),
        contradicted=sum(row.predicted != row.first for row in rows),
        changed=len(changed),
        towards_final=sum(row.assisted == row.final for row in changed_final),
        away_from_final=sum(row.first == row.final for row in changed_final),
        misled=sum(row.assisted != row.final for row in at_risk),
        correct_against_wrong_ai=len(at_risk),
    )
