"""Model performance on cases drawn at random: the only ones that estimate it without selection bias."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.accounts.models import User
from diagnostics.review.models import FigureKind
from diagnostics.review.proportion import Proportion
from diagnostics.review.selectors.figure_counts import numbers_of


@dataclass(frozen=True)
class ModelPerformance:
    """The AI flag for COVID-19 against the final findings of cases drawn at random."""

    sensitivity: Proportion
    specificity: Proportion


def model_performance(user: User) -> ModelPerformance:
    """Compare the newest prediction of each randomly drawn, final case with its final finding."""
    numbers = numbers_of(user, FigureKind.RANDOM)
    flagged, missed = numbers[True, True], numbers[True, False]
    correct, false_alarms = numbers[False, False], numbers[False, True]
    return ModelPerformance(
        Proportion(flagged, flagged + missed), Proportion(correct, correct + false_alarms)
    )
