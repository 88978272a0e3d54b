"""The scores of a shadow run beside those of the active version, on cases that a user may see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from diagnostics.accounts.models import User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case, PredictionOutcome
from diagnostics.cases.services import blinding
from diagnostics.jobs.models import JobStatus
from diagnostics.monitoring.models import ShadowRun
from diagnostics.registry.policy import target_of
from diagnostics.review.proportion import Proportion
from ml.metrics.reader_agreement import Agreement, cohen_kappa

MOST_COMPARED: Final = 5000  # newest cases of a run
MOST_LISTED: Final = 24  # disagreements
DEFAULT_THRESHOLD: Final = 0.5

Scores = Mapping[str, float]  # class -> probability, or finding -> threshold
UNCERTAIN: Final = (PredictionOutcome.INDETERMINATE, PredictionOutcome.OUT_OF_DISTRIBUTION)


@dataclass(frozen=True)
class Side:
    """What one version says about a case: the score of the target, the finding and the outcome."""

    score: float
    finding: str  # at the operating point
    flagged: bool  # for the target
    outcome: str


@dataclass(frozen=True)
class ComparedCase:
    """One case with the results of both versions."""

    case: Case
    active: Side
    shadow: Side

    @property
    def flag_changes(self) -> bool:
        """Return whether one version flags the case and the other does not."""
        return self.active.flagged != self.shadow.flagged

    @property
    def agrees(self) -> bool:
        """Return whether both versions have the same finding."""
        return self.active.finding == self.shadow.finding


@dataclass(frozen=True)
class Comparison:
    """A shadow run compared with the active version, the disagreements with the largest difference first."""

    run: ShadowRun
    target: str
    compared: tuple[ComparedCase, ...]
    hidden: int  # scored cases of other sites, or with an AI result that the user may not see yet
    matrix: Mapping[tuple[str, str], int]  # (finding of the active version, of the other) -> cases
    agreement: Proportion
    kappa: Agreement | None
    disagreements: tuple[ComparedCase, ...]

    def outcomes(self, outcome: str) -> tuple[int, int]:
        """Return how many cases have an outcome with the active version and with the other."""
        sides = ((each.active.outcome, each.shadow.outcome) for each in self.compared)
        active, shadow = zip(*sides, strict=True) if self.compared else ((), ())
        return active.count(outcome), shadow.count(outcome)


def comparison_of(run: ShadowRun, *, user: User) -> Comparison:
    """Compare the finished scores of a run with those of the active version for the same cases."""
    target = target_of(run.version.manifest)
    done = run.predictions.filter(status=JobStatus.DONE, case__withdrawn_at=None)
    rows = list(done.select_related("prediction").order_by("-queued_at")[:MOST_COMPARED])
    visible = _visible(user, (row.case_id for row in rows))
    compared = tuple(
        ComparedCase(
            visible[row.case_id],
            side_of(
                row.prediction.probabilities,
                row.prediction.operating_points,
                target=target,
                outcome=row.prediction.outcome,
            ),
            side_of(row.probabilities, run.operating_points, target=target, outcome=row.outcome),
        )
        for row in rows
        if row.case_id in visible
    )
    pairs = [(each.active.finding, each.shadow.finding) for each in compared]
    return Comparison(
        run=run,
        target=target,
        compared=compared,
        hidden=len(rows) - len(compared),
        matrix=Counter(pairs),
        agreement=Proportion(sum(each.agrees for each in compared), len(compared)),
        kappa=cohen_kappa(pairs) if pairs else None,
        disagreements=_disagreements(compared),
    )


def side_of(scores: Scores, points: Scores, *, target: str, outcome: str = "") -> Side:
    """Return the result at the operating point: the target from its threshold on, else the next class."""
    score = scores.get(target, 0.0)
    flagged = score >= points.get(target, DEFAULT_THRESHOLD)
    others = {finding: value for finding, value in scores.items() if finding != target}
    most_probable = max(others, key=others.__getitem__, default=target)
    return Side(score, target if flagged else most_probable, flagged, outcome)


def _disagreements(compared: Iterable[ComparedCase]) -> tuple[ComparedCase, ...]:
    """Return the cases with different findings, changed flags first, then by difference of the scores."""
    differing = [each for each in compared if not each.agrees]
    differing.sort(
        key=lambda each: (each.flag_changes, abs(each.active.score - each.shadow.score)), reverse=True
    )
    return tuple(differing[:MOST_LISTED])


def _visible(user: User, pks: Iterable[UUID]) -> dict[UUID, Case]:
    found = (
        cases.visible_to(user).filter(pk__in=list(pks)).select_related("radiograph", "consensus").order_by()
    )
    withheld = blinding.withheld_cases(user, list(found))
    return {case.pk: case for case in found if case.pk not in withheld}
