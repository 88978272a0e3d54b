"""What the file and the user of a staged upload say about patient and study, and where they contradict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from diagnostics.cases import upload_validation
from diagnostics.cases.errors import InvalidField
from diagnostics.cases.identity import Contradiction, contradictions
from diagnostics.cases.upload_validation import Details, UploadFields
from diagnostics.uploads.models import StagedUpload
from ml.records import DecodedRadiograph, DicomHeader

MAX_REFERENCE: Final = 64  # characters; a longer one, or one with control characters, is left for the user
COLUMNS: Final = ("patient_ref", "accession_number", "view", "priority")
DETAILS: Final = ("patient_name", "birth_date", "sex", "study_date", "referrer", "clinical_question")
FIELDS: Final = (*COLUMNS, *DETAILS)


@dataclass(frozen=True, repr=False)  # a log line or a traceback must not name the patient
class FileHeader:
    """The identity in a file; every value is empty where the file has none, as in PNG and JPEG."""

    patient_ref: str = ""
    patient_name: str = ""
    birth_date: str = ""  # ISO 8601
    sex: str = ""
    accession_number: str = ""
    study_at: str = ""  # ISO 8601
    view: str = ""


def header_of(decoded: DecodedRadiograph) -> FileHeader:
    """Return what a decoded file says; a reference that no case may have is left out."""
    said = decoded.header or DicomHeader(view=decoded.view)
    return FileHeader(
        patient_ref=_usable(said.patient_id),
        patient_name=said.patient_name,
        birth_date=said.birth_date.isoformat() if said.birth_date else "",
        sex=said.sex,
        accession_number=_usable(said.accession_number),
        study_at=said.study_at.isoformat() if said.study_at else "",
        view=said.view,
    )


def header_column(header: FileHeader) -> dict[str, Any]:
    """Return a header for the column of a staged upload."""
    return asdict(header)


def stored_header(upload: StagedUpload) -> FileHeader:
    """Return the header in the column of a staged upload; values of a later release are ignored."""
    known = FileHeader.__dataclass_fields__
    return FileHeader(**{name: str(value) for name, value in upload.header.items() if name in known})


def typed_values(upload: StagedUpload) -> dict[str, str]:
    """Return the fields of the case as the row has them."""
    columns = {name: str(getattr(upload, name)) for name in COLUMNS}
    return columns | {name: str(upload.details.get(name, "")) for name in DETAILS}


def validated(typed: Mapping[str, str]) -> UploadFields:
    """Return the fields of a case from typed text; raises InvalidField."""
    columns = {name: typed.get(name, "") for name in COLUMNS}
    return upload_validation.validated_fields(**columns, details=details_of(typed))


def details_of(typed: Mapping[str, str]) -> Details:
    """Return what was typed of patient and request besides the identifiers; raises InvalidField."""
    return Details(
        patient_name=typed.get("patient_name", ""),
        birth_date=_day("birth_date", typed),
        sex=typed.get("sex", ""),
        study_date=_day("study_date", typed),
        referrer=typed.get("referrer", ""),
        clinical_question=typed.get("clinical_question", ""),
    )


def contradictions_of(upload: StagedUpload) -> tuple[Contradiction, ...]:
    """Return where the row contradicts its file and no user has decided; none for unusable text."""
    if upload.mismatch_reason:
        return ()
    try:
        fields = validated(typed_values(upload))
    except InvalidField:
        return ()
    return contradictions(fields, _dicom(stored_header(upload)))


def _dicom(header: FileHeader) -> DicomHeader:
    return DicomHeader(
        patient_id=header.patient_ref,
        birth_date=parse_date(header.birth_date) if header.birth_date else None,
        accession_number=header.accession_number,
        study_at=datetime.fromisoformat(header.study_at) if header.study_at else None,
        view=header.view,
    )


def _day(name: str, typed: Mapping[str, str]) -> date | None:
    text = typed.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidField(f"{name}_unusable", _("Please enter the date as year-month-day.")) from error


def _usable(reference: str) -> str:
    return reference if len(reference) <= MAX_REFERENCE and reference.isprintable() else ""
