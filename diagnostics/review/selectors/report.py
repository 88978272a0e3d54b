"""What a report contains: the readings that make the final finding, their history, patient and AI result."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.selectors import latest_done_prediction, stopped_prediction
from diagnostics.patients.models import Patient
from diagnostics.patients.selectors import patients_by_key
from diagnostics.review.errors import NoReport
from diagnostics.review.models import Reading, ReadingKind
from diagnostics.review.selectors.readings import consensus, readings_of


@dataclass(frozen=True)
class ReportedReading:
    """A current reading and what it superseded, the newest first."""

    reading: Reading
    superseded: list[Reading]


@dataclass(frozen=True)
class CaseReport:
    """The content of a report."""

    case: Case
    patient: Patient | None  # None where only the reference is known
    finding: str
    readings: list[ReportedReading]  # the adjudications, or else all current readings, the oldest first
    disagreeing: int  # earlier readings that an adjudication has outweighed
    prediction: Prediction | None
    stopped: Prediction | None  # by the quality gate


def report_of(case: Case) -> CaseReport:
    """Return the report of a case with a final finding; raises NoReport."""
    if case.withdrawn_at is not None:
        raise NoReport(_("There is no report: this case has been withdrawn."))
    final = consensus(case) if case.finalized_at is not None else None
    if final is None or not final.finding:
        # The same sentence for an unread case: it tells a blind reader nothing of other readings.
        raise NoReport(_("There is no report yet: the reading of this case is not final."))
    history = list(readings_of(case))
    current = [reading for reading in reversed(history) if not hasattr(reading, "superseded_by")]
    decisive = [reading for reading in current if reading.kind == ReadingKind.ADJUDICATION] or current
    key = (case.site_id, case.patient_ref)
    return CaseReport(
        case=case,
        patient=patients_by_key([key]).get(key),
        finding=final.finding,
        readings=[ReportedReading(reading, _superseded(reading, history)) for reading in decisive],
        disagreeing=len(current) - len(decisive),
        prediction=latest_done_prediction(case),
        stopped=stopped_prediction(case),
    )


def _superseded(reading: Reading, history: list[Reading]) -> list[Reading]:
    by_id = {each.pk: each for each in history}
    earlier, previous = [], reading.supersedes_id
    while previous in by_id:
        earlier.append(by_id[previous])
        previous = by_id[previous].supersedes_id
    return earlier
