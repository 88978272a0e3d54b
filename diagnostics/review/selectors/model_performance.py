"""Model performance on cases drawn at random: the only ones that estimate it without selection bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from diagnostics.accounts.models import User
from diagnostics.cases.models import Prediction
from diagnostics.cases.selectors import visible_to
from diagnostics.findings import Finding
from diagnostics.jobs.models import JobStatus
from diagnostics.review.models import Claim, Consensus, ConsensusStatus, ServedReason
from diagnostics.review.proportion import Proportion

TARGET: Final = Finding.COVID_19.value


@dataclass(frozen=True)
class ModelPerformance:
    """The AI flag for COVID-19 against the final findings of cases drawn at random."""

    sensitivity: Proportion
    specificity: Proportion


def model_performance(user: User) -> ModelPerformance:
    """Compare the newest prediction of each randomly drawn, final case with its final finding."""
    drawn = Claim.objects.filter(served=ServedReason.RANDOM, case__in=visible_to(user), case__copy_of=None)
    judged = Consensus.objects.filter(case__in=drawn.values("case"), status=ConsensusStatus.FINAL).exclude(
        finding=Finding.CANNOT_JUDGE
    )
    final = dict(judged.values_list("case", "finding"))
    predictions = Prediction.objects.filter(case__in=final, status=JobStatus.DONE).order_by("queued_at")
    flags = {row.case_id: is_flagged(row) for row in predictions if TARGET in row.probabilities}
    positive = [flag for case, flag in flags.items() if final[case] == TARGET]
    negative = [flag for case, flag in flags.items() if final[case] != TARGET]
    return ModelPerformance(
        Proportion(sum(positive), len(positive)), Proportion(len(negative) - sum(negative), len(negative))
    )


def is_flagged(prediction: Prediction) -> bool:
    """Return whether the probability of COVID-19 reaches the operating point of the prediction."""
    return bool(prediction.probabilities[TARGET] >= prediction.operating_points.get(TARGET, 0.5))
