"""Cases whose flag for the target finding would change with another version or another threshold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from diagnostics.accounts.models import User
from diagnostics.cases import selectors as cases
from diagnostics.cases.models import Case, Prediction, PredictionOutcome
from diagnostics.cases.services import blinding
from diagnostics.jobs.models import JobStatus
from diagnostics.registry.models import ModelVersion
from diagnostics.training.models import Part, SnapshotLabel

RECENT: Final = 500  # newest predictions of the active version that are compared
MOST: Final = 60  # cases that are listed

Scores = Mapping[str, float]  # class -> probability
DEFAULT_THRESHOLD: Final = 0.5


@dataclass(frozen=True)
class Flip:
    """A case, and whether each version flags it."""

    case: Case
    before: float  # probability by the active version
    after: float
    flagged: bool  # with the candidate


@dataclass(frozen=True)
class Flips:
    """The changes among the compared cases; `live` means recent cases, otherwise the test set."""

    live: bool
    compared: int
    added: int
    removed: int
    listed: tuple[Flip, ...]


@dataclass(frozen=True)
class _Pair:
    case: UUID
    before: Scores
    after: Scores


def flips(
    *, candidate: ModelVersion, active: ModelVersion, finding: str, before: Scores, after: Scores, user: User
) -> Flips:
    """Compare two versions with their thresholds on recent cases that both scored, or on the test set.

    Only cases whose predictions the user may see are compared.
    """
    pairs = _recent(candidate, active)
    live = bool(pairs)
    if not live and candidate.comparison.get("active") == str(active):  # else another version scored it
        pairs = _test_set(candidate)
    visible = _visible(user, [pair.case for pair in pairs])
    compared = [pair for pair in pairs if pair.case in visible]
    found = []
    for pair in compared:
        flagged = _flagged(pair.after, finding, after)
        if flagged != _flagged(pair.before, finding, before):
            scores = pair.before.get(finding, 0.0), pair.after.get(finding, 0.0)
            found.append(Flip(visible[pair.case], *scores, flagged))
    added = sum(flip.flagged for flip in found)
    return Flips(live, len(compared), added, len(found) - added, tuple(found[:MOST]))


def _flagged(scores: Scores, finding: str, thresholds: Scores) -> bool:
    return scores.get(finding, 0.0) >= thresholds.get(finding, DEFAULT_THRESHOLD)


def _recent(candidate: ModelVersion, active: ModelVersion) -> list[_Pair]:
    """Return recent cases that both versions scored; of one version all that it scored."""
    done = Prediction.objects.filter(status=JobStatus.DONE).exclude(outcome=PredictionOutcome.NOT_SCORED)
    rows = done.filter(version=active, case__copy_of=None).order_by("-finished_at")
    scored = dict(rows.values_list("case", "probabilities")[:RECENT])
    own = dict(done.filter(version=candidate, case__in=scored).values_list("case", "probabilities"))
    return [_Pair(case, before, own[case]) for case, before in scored.items() if case in own]


def _test_set(candidate: ModelVersion) -> list[_Pair]:
    rows = SnapshotLabel.objects.filter(run__candidate=candidate, part=Part.TEST).order_by("pk")
    stored = rows.values_list("case", "active", "candidate")
    return [_Pair(case, before, after) for case, before, after in stored if before and after]


def _visible(user: User, pks: Iterable[UUID]) -> dict[UUID, Case]:
    found = cases.visible_to(user).filter(pk__in=list(pks)).select_related("radiograph").order_by()
    withheld = blinding.withheld_cases(user, list(found))
    return {case.pk: case for case in found if case.pk not in withheld}
