"""What readers agree on, and what the machine's answer does to their readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import F

from diagnostics.accounts.models import User
from diagnostics.cases.selectors import visible_to
from diagnostics.review.models import AssistedReading, ConsensusStatus
from ml.metrics import statistics


@dataclass(frozen=True)
class AutomationBias:
    """What became of first readings once the machine's answer was shown."""

    looked: int  # readings whose reader kept or changed
    against: int  # of these, where the machine had said otherwise
    changed: int
    towards_final: int  # changes to what the case came to in the end, away from something else
    away_from_final: int
    wrong_after_wrong: int  # first right, machine wrong, then changed to something wrong
    right_before_wrong: int  # first right and machine wrong: of so many

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval (Wilson) of the share that changed."""
        return statistics.wilson(self.changed, self.looked)


def automation_bias(user: User) -> AutomationBias:
    """Count what readers did after the machine's answer; 'final' are cases that have come to a finding."""
    looks = AssistedReading.objects.filter(
        reading__case__in=visible_to(user), reading__case__copy_of=None
    ).annotate(
        first=F("reading__finding"),
        machine=F("prediction__finding"),
        standing=F("reading__case__consensus__standing"),
        final=F("reading__case__consensus__finding"),
    )
    rows = [_Look(*row) for row in looks.values_list("first", "machine", "finding", "standing", "final")]
    changed = [row for row in rows if row.first != row.then]
    settled = [row for row in changed if row.standing == ConsensusStatus.FINAL]
    misled = [
        row for row in rows if row.standing == ConsensusStatus.FINAL and row.first == row.final != row.machine
    ]
    return AutomationBias(
        looked=len(rows),
        against=sum(row.machine != row.first for row in rows),
        changed=len(changed),
        towards_final=sum(row.then == row.final for row in settled),
        away_from_final=sum(row.first == row.final for row in settled),
        wrong_after_wrong=sum(row.then != row.final for row in misled),
        right_before_wrong=len(misled),
    )


class _Look(NamedTuple):
    first: str
    machine: str
    then: str
    standing: str
    final: str
