"""What the objects of a result state, as frozen values without a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, repr=False)  # a log line or a traceback must not name the patient
class Subject:
    """Patient and study of a case, by its current identity."""

    patient_id: str
    patient_name: str  # "Family, Given"
    birth_date: date | None
    sex: str
    study_uid: str
    study_at: datetime | None  # in the time zone of the site
    accession_number: str
    referrer: str


@dataclass(frozen=True)
class SourceImage:
    """The radiograph that the result belongs to."""

    sop_class_uid: str
    sop_instance_uid: str
    series_uid: str
    rows: int
    columns: int
    modality: str


@dataclass(frozen=True)
class ClassScore:
    """The probability of one class and the threshold from which it is flagged."""

    name: str  # of diagnostics.findings
    label: str
    probability: float
    operating_point: float | None


@dataclass(frozen=True)
class Result:
    """One AI result, ready to be written as DICOM objects."""

    subject: Subject
    source: SourceImage
    version: str  # of the model
    outcome: str  # finding, indeterminate or out-of-distribution; empty: a finding
    finding: str
    finding_label: str
    scores: tuple[ClassScore, ...]
    created_at: datetime  # of the prediction, in the time zone of the site
    overlay_png: bytes
    instance_uids: dict[str, str]  # kind -> SOP instance UID
    series_uids: dict[str, str]  # kind -> series UID
    disclaimer: str
