"""What the readings of a case come to: one reader's word, agreement, or a third reader's decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Case
from diagnostics.review.models import Consensus, ConsensusStatus, Reading, ReadingKind, ReadingPolicy


def update_consensus(case: Case, now: datetime) -> Consensus:
    """Bring a case's standing up to date with its readings, of which there is one or more.

    The caller holds the case's lock.
    """
    current = list(Reading.objects.filter(case=case, superseded_by=None))
    consensus = Consensus.objects.filter(case=case).first() or Consensus(
        case=case, readers_needed=readers_needed(case)
    )
    consensus.standing, consensus.finding = consensus_of(current, consensus.readers_needed)
    consensus.save()
    _close(case, consensus, now)
    return consensus


def reopen(case: Case) -> None:
    """Put a case back to where it stood before its only reading; the caller holds the case's lock."""
    Consensus.objects.filter(case=case).delete()
    case.finalized_at = None
    case.save(update_fields=["finalized_at"])


def consensus_of(readings: Sequence[Reading], needed: int) -> tuple[ConsensusStatus, str]:
    """Say what current readings come to; an adjudication outweighs them all."""
    deciding = [reading for reading in readings if reading.kind == ReadingKind.ADJUDICATION]
    findings = {reading.finding for reading in deciding or readings}
    if not deciding and len(readings) < needed:
        return ConsensusStatus.SECOND_READ, ""
    if len(findings) > 1:
        return ConsensusStatus.DISAGREE, ""
    return ConsensusStatus.FINAL, findings.pop()


def readers_needed(case: Case) -> int:
    """Draw once how many readers a case has: of every hundred as many with two as its site wishes.

    The draw is a hash of the case's random id, which nobody chooses and no reader could foresee.
    """
    drawn = int.from_bytes(sha256(case.pk.bytes).digest()[:4], "big") % 100
    return 2 if drawn < policy_of(case.site).double_read_percent else 1


def policy_of(site: Site) -> ReadingPolicy:
    """Give how a site reads; one that never said so has one reader for every radiograph."""
    return ReadingPolicy.objects.filter(site=site).first() or ReadingPolicy(site=site)


def _close(case: Case, consensus: Consensus, now: datetime) -> None:
    final = consensus.standing == ConsensusStatus.FINAL
    if case.on_worklist and final == (case.finalized_at is not None):
        return
    case.finalized_at = (case.finalized_at or now) if final else None
    case.on_worklist = True  # also what an import brought, once somebody has read it
    case.save(update_fields=["finalized_at", "on_worklist"])
