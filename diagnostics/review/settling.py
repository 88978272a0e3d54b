"""What the readings of a case come to: one reader's word, agreement, or a third reader's decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from diagnostics.accounts.models import Site
from diagnostics.cases.models import Case
from diagnostics.review.models import Judgement, Kind, Policy, Reading, Standing


def settle(case: Case, now: datetime) -> Judgement:
    """Bring a case's standing up to date with its readings, of which there is one or more.

    The caller holds the case's lock.
    """
    current = list(Reading.objects.filter(case=case, superseded_by=None))
    judgement = Judgement.objects.filter(case=case).first() or Judgement(
        case=case, readers_needed=readers_needed(case)
    )
    judgement.standing, judgement.finding = verdict(current, judgement.readers_needed)
    judgement.save()
    _close(case, judgement, now)
    return judgement


def unsettle(case: Case) -> None:
    """Put a case back to where it stood before its only reading; the caller holds the case's lock."""
    Judgement.objects.filter(case=case).delete()
    case.settled_at = None
    case.save(update_fields=["settled_at"])


def verdict(readings: Sequence[Reading], needed: int) -> tuple[Standing, str]:
    """Say what current readings come to; an adjudication outweighs them all."""
    deciding = [reading for reading in readings if reading.kind == Kind.ADJUDICATION]
    findings = {reading.finding for reading in deciding or readings}
    if not deciding and len(readings) < needed:
        return Standing.SECOND_READ, ""
    if len(findings) > 1:
        return Standing.DISAGREE, ""
    return Standing.FINAL, findings.pop()


def readers_needed(case: Case) -> int:
    """Draw once how many readers a case has: of every hundred as many with two as its site wishes.

    The draw is a hash of the case's random id, which nobody chooses and no reader could foresee.
    """
    drawn = int.from_bytes(sha256(case.pk.bytes).digest()[:4], "big") % 100
    return 2 if drawn < policy_of(case.site).double_read_percent else 1


def policy_of(site: Site) -> Policy:
    """Give how a site reads; one that never said so has one reader for every film."""
    return Policy.objects.filter(site=site).first() or Policy(site=site)


def _close(case: Case, judgement: Judgement, now: datetime) -> None:
    final = judgement.standing == Standing.FINAL
    if case.listed and final == (case.settled_at is not None):
        return
    case.settled_at = (case.settled_at or now) if final else None
    case.listed = True  # also what an import brought, once somebody has read it
    case.save(update_fields=["settled_at", "listed"])
