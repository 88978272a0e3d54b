"""Which tables hold data of a patient, in the order in which an erasure deletes their rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final


@dataclass(frozen=True)
class PatientTable:
    """A model and the lookup of the case that its rows belong to."""

    model: str
    case: str


# A row comes before the rows that it refers to. tests/privacy checks that no table is missing.
ERASURE_ORDER: Final = (
    PatientTable("uploads.StagedUpload", "case"),
    PatientTable("integrations.ResultDelivery", "case"),
    PatientTable("integrations.ReceivedInstance", "case"),
    PatientTable("monitoring.ShadowPrediction", "case"),
    PatientTable("training.SnapshotLabel", "case"),
    PatientTable("review.AssistedReading", "reading__case"),
    PatientTable("review.Reading", "case"),
    PatientTable("review.Claim", "case"),
    PatientTable("review.Assignment", "case"),
    PatientTable("review.Consensus", "case"),
    PatientTable("review.SelectedCase", "case"),
    PatientTable("review.ControlCase", "case"),
    PatientTable("review.ReferenceCase", "case"),
    PatientTable("imports.ImportedLabel", "case"),
    PatientTable("imports.ImportedFile", "case"),
    PatientTable("cases.PcrResult", "case"),
    PatientTable("cases.PredictionShown", "case"),
    PatientTable("cases.DamagedFile", "case"),
    PatientTable("cases.Correction", "case"),
    PatientTable("cases.Prediction", "case"),
    PatientTable("cases.Radiograph", "case"),
    PatientTable("cases.Case", "pk"),
)
# Of no use to the patient, or internal to a worker.
NOT_EXPORTED: Final = frozenset({"token", "worker", "lease_until", "stop_requested", "stat_rank"})


def years_before(now: datetime, years: int) -> datetime:
    """Return the same day of an earlier year; 28 February for a 29 February that it does not have."""
    try:
        return now.replace(year=now.year - years)
    except ValueError:
        return now.replace(year=now.year - years, day=28)
