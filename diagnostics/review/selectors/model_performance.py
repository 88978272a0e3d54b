"""How good the machine is on radiographs that were drawn at random: the only ones that may say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from diagnostics.accounts.models import User
from diagnostics.cases.models import Prediction
from diagnostics.cases.selectors import visible_to
from diagnostics.findings import Finding
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Claim, Consensus, ConsensusStatus, ServedReason
from ml.metrics import statistics

FEW: Final = 30  # radiographs; fewer say nothing that could be relied on
TARGET: Final = Finding.COVID_19.value


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's 95 % interval."""

    right: int
    of: int

    @property
    def value(self) -> float:
        """Return the share; 0 of nothing."""
        return self.right / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the interval; all of it where there is nothing."""
        return statistics.wilson(self.right, self.of)

    @property
    def too_few(self) -> bool:
        """Say whether the share should not be relied on."""
        return self.of < FEW


@dataclass(frozen=True)
class ModelPerformance:
    """The machine's flag for COVID-19 against final labels of radiographs drawn at random."""

    sensitivity: Share
    specificity: Share


def model_performance(user: User) -> ModelPerformance:
    """Count flags on radiographs that were drawn at random, read and settled; the newest answer of each counts."""
    drawn = Claim.objects.filter(served=ServedReason.RANDOM, case__in=visible_to(user), case__copy_of=None)
    settled = Consensus.objects.filter(case__in=drawn.values("case"), standing=ConsensusStatus.FINAL).exclude(
        finding=Finding.CANNOT_JUDGE
    )
    final = dict(settled.values_list("case", "finding"))
    answers = Prediction.objects.filter(case__in=final, status=JobStatus.DONE).order_by("queued_at")
    flags = {answer.case_id: _flag(answer) for answer in answers if TARGET in answer.probabilities}
    ill = [flag for case, flag in flags.items() if final[case] == TARGET]
    well = [flag for case, flag in flags.items() if final[case] != TARGET]
    return ModelPerformance(Share(sum(ill), len(ill)), Share(len(well) - sum(well), len(well)))


def _flag(answer: Prediction) -> bool:
    return bool(answer.probabilities[TARGET] >= answer.operating_points.get(TARGET, 0.5))
