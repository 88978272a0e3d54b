"""Random cases in every state and at two sites, for comparisons of lists with plain filters in Python."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Final

from diagnostics.accounts.models import Site, User
from diagnostics.cases.models import PRIORITY_RANK, Case, Prediction, PredictionShown, Priority, Radiograph
from diagnostics.jobs.models import JobStatus
from diagnostics.patients.models import Patient
from diagnostics.review.models import Assignment, Claim, Consensus, ConsensusStatus, Reading

NAMES: Final = ("MÜLLER, Anna Maria", "LI, Wu", "Yamada^Tarou=山田^太郎=やまだ^たろう", 'O\'NEIL, "Ann"', "")
HOUR: Final = timedelta(hours=1)


def add_random_cases(number: int, rng: Random, sites: list[Site], readers: list[User], now: datetime) -> None:
    """Add cases with radiographs, predictions, readings, claims and assignments drawn at random."""
    for index in range(number):
        case = _case(index, rng, rng.choice(sites), readers[0], now)
        _radiograph(case, rng, now)
        status = rng.choice([*JobStatus.values, None])
        if status:
            prediction = Prediction.objects.create(case=case, status=status, queued_at=now)
            if rng.random() < 0.3:
                PredictionShown.objects.create(
                    case=case, to=rng.choice(readers), prediction=prediction, at=now
                )
        _review(case, rng, readers, now)


def _case(index: int, rng: Random, site: Site, by: User, now: datetime) -> Case:
    reference = f"P-{rng.randrange(200):03}"
    Patient.objects.get_or_create(site=site, reference=reference, defaults={"name": rng.choice(NAMES)})
    priority = rng.choice(list(Priority))
    return Case.objects.create(
        site=site,
        patient_ref=reference,
        accession_number=rng.choice(["", f"ACC-{index // 2}"]),  # equal ones too
        priority=priority,
        priority_rank=PRIORITY_RANK[priority],
        opened_by=by,
        opened_at=now - rng.randrange(20) * HOUR,
        due_at=now + rng.randrange(-10, 10) * HOUR,
        on_worklist=rng.random() < 0.8,
        withdrawn_at=now if rng.random() < 0.1 else None,
    )


def _radiograph(case: Case, rng: Random, now: datetime) -> None:
    Radiograph.objects.create(
        case=case,
        site=case.site,
        file_sha256=case.pk.hex,
        pixel_sha256=case.pk.hex,
        width=64,
        height=64,
        bits=8,
        source_format="PNG",
        view=rng.choice(["PA", "AP", ""]),
        study_at=rng.choice([None, now - rng.randrange(20) * HOUR]),
    )


def _review(case: Case, rng: Random, readers: list[User], now: datetime) -> None:
    by = rng.choice(readers)
    status = rng.choice([None, None, *ConsensusStatus])
    if status and case.on_worklist:
        Reading.objects.create(case=case, by=by, finding="normal", signed_at=now)
        is_final = status == ConsensusStatus.FINAL
        finding = "normal" if is_final else ""
        Consensus.objects.create(case=case, readers_needed=2, status=status, finding=finding)
        if is_final:
            Case.objects.filter(pk=case.pk).update(finalized_at=now - rng.randrange(5) * HOUR)
    if rng.random() < 0.2:
        Assignment.objects.create(case=case, to=rng.choice(readers), by=by, at=now)
    if rng.random() < 0.2:
        until, ended_at = now + rng.choice([-1, 1]) * HOUR, rng.choice([None, now])
        Claim.objects.create(
            case=case, by=rng.choice(readers), since=now - 2 * HOUR, until=until, ended_at=ended_at
        )
