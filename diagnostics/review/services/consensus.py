"""The consensus of a case: a single reading, agreement of readings, or an adjudication."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from diagnostics.cases.models import Case
from diagnostics.review.models import Consensus, ConsensusStatus, Reading, ReadingKind
from diagnostics.review.selectors.reading_policy import policy_of
from diagnostics.review.selectors.readings import standing_readings


def update_consensus(case: Case, now: datetime) -> Consensus:
    """Derive the consensus of a case from its standing readings, of which there is at least one.

    The caller holds the lock on the case.
    """
    current = list(standing_readings().filter(case=case, superseded_by=None))
    consensus = Consensus.objects.filter(case=case).first() or Consensus(
        case=case, readers_needed=readers_needed(case)
    )
    consensus.status, consensus.finding = consensus_of(current, consensus.readers_needed)
    consensus.save()
    _finalize(case, consensus, now)
    return consensus


def reopen(case: Case) -> None:
    """Reset a case whose only reading was withdrawn; the caller holds the lock on the case."""
    Consensus.objects.filter(case=case).delete()
    case.finalized_at = None
    case.save(update_fields=["finalized_at"])


def consensus_of(readings: Sequence[Reading], needed: int) -> tuple[ConsensusStatus, str]:
    """Return the status and the final finding of current readings; an adjudication outweighs the others."""
    adjudications = [reading for reading in readings if reading.kind == ReadingKind.ADJUDICATION]
    findings = {reading.finding for reading in adjudications or readings}
    if not adjudications and len(readings) < needed:
        return ConsensusStatus.SECOND_READ, ""
    if len(findings) > 1:
        return ConsensusStatus.NEEDS_ADJUDICATION, ""
    return ConsensusStatus.FINAL, findings.pop()


def next_kind(case: Case) -> ReadingKind:
    """Return what the next reading of a case is; the caller holds the lock on the case."""
    consensus = Consensus.objects.filter(case=case).first()
    if consensus is None:
        return ReadingKind.READING
    if consensus.status == ConsensusStatus.NEEDS_ADJUDICATION:
        return ReadingKind.ADJUDICATION
    return ReadingKind.SECOND_OPINION if consensus.second_opinion_at else ReadingKind.READING


def readers_needed(case: Case) -> int:
    """Return 2 for the share of cases that the site reads twice, otherwise 1.

    The draw is a hash of the case's random id, so it is reproducible and nobody can choose or foresee it.
    """
    drawn = int.from_bytes(sha256(case.pk.bytes).digest()[:4], "big") % 100
    return 2 if drawn < policy_of(case.site).double_read_percent else 1


def _finalize(case: Case, consensus: Consensus, now: datetime) -> None:
    is_final = consensus.status == ConsensusStatus.FINAL
    if case.on_worklist and is_final == (case.finalized_at is not None):
        return
    case.finalized_at = (case.finalized_at or now) if is_final else None
    case.on_worklist = True  # imported cases too, once they have been read
    case.save(update_fields=["finalized_at", "on_worklist"])
