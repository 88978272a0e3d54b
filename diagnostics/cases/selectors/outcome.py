"""The finding of a case, from its readings or from an import; the apps of both import this one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ObjectDoesNotExist

from diagnostics.cases.models import Case


@dataclass(frozen=True)
class CaseOutcome:
    """What readings or an import say of a case; empty texts where they say nothing."""

    status: str = ""  # of the readings, in the user's language; empty before the first
    final: str = ""  # the final finding
    readers: str = ""  # of the current readings
    signed_at: datetime | None = None  # the newest reading
    imported: str = ""  # the finding that came with the radiograph
    collection: str = ""
    imported_at: datetime | None = None


def outcome_of(case: Case) -> CaseOutcome:
    """Return the outcome of a case; the finding of an import counts only while there is no reading."""
    try:
        consensus = case.consensus
    except ObjectDoesNotExist:
        return _imported(case)
    current = list(case.readings.standing().filter(superseded_by=None).select_related("by"))
    return CaseOutcome(
        status=str(consensus.get_status_display()),
        final=str(consensus.get_finding_display()) if consensus.finding else "",
        readers=", ".join(sorted({reading.by.username for reading in current})),
        signed_at=max((reading.signed_at for reading in current), default=None),
    )


def _imported(case: Case) -> CaseOutcome:
    label = case.imported_labels.last()
    if label is None:
        return CaseOutcome()
    return CaseOutcome(
        imported=str(label.get_finding_display()),
        collection=label.collection,
        imported_at=label.imported_at,
    )
