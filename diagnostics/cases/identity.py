"""The identity of an upload: what form and file state of patient and study, and where they contradict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Final, Literal

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from diagnostics.cases.errors import IdentityMismatch
from diagnostics.cases.upload_validation import UploadFields, checked_reason
from ml.images.study_dates import years_between
from ml.records import DicomHeader

Source = Literal["form", "file"]
NO_HEADER: Final = DicomHeader()
MISMATCHES: Final[dict[str, tuple[str, Promise]]] = {  # field -> code and text
    "patient_ref": ("patient_mismatch", _("The patient reference differs from the patient ID of the file.")),
    "accession_number": ("accession_mismatch", _("The accession number differs from that of the file.")),
    "view": ("view_mismatch", _("The view differs from that of the file.")),
    "birth_date": ("birth_date_mismatch", _("The birth date differs from that of the file.")),
    "study_date": ("study_date_mismatch", _("The study date differs from that of the file.")),
}
CHOOSE: Final = _("Nothing was stored: choose which one is right, and give a reason.")


@dataclass(frozen=True, repr=False)
class Contradiction:
    """A field for which form and file state different values."""

    field: str  # a key of MISMATCHES
    form: str
    file: str


@dataclass(frozen=True, repr=False)
class Decision:
    """Which source a person takes where form and file contradict, and why."""

    use: Source
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", checked_reason(self.reason))


@dataclass(frozen=True, repr=False)
class Identity:
    """Patient and study of a case, from file and form."""

    patient_ref: str
    accession_number: str
    view: str
    birth_date: date | None
    study_at: datetime | None
    age: int | None  # years at the study
    patient_name: str
    sex: str
    referrer: str
    clinical_question: str


def contradictions(fields: UploadFields, header: DicomHeader | None) -> tuple[Contradiction, ...]:
    """Return where the form contradicts the file; a field that one of them leaves empty does not."""
    stated, stored = _of_form(fields), _of_file(header or NO_HEADER)
    return tuple(
        Contradiction(field, stated[field], stored[field])
        for field in MISMATCHES
        if stated[field] and stored[field] and stated[field].casefold() != stored[field].casefold()
    )


def resolved(
    fields: UploadFields, header: DicomHeader | None, decision: Decision | None
) -> tuple[Identity, tuple[Contradiction, ...]]:
    """Return the identity of an upload and the contradictions that were decided.

    The file comes first and the form fills what it leaves empty. Raises IdentityMismatch where they
    contradict and nobody has decided.
    """
    found = contradictions(fields, header)
    if found and decision is None:
        raise mismatch(found)
    from_form = {one.field for one in found if decision and decision.use == "form"}
    return _identity(fields, header or NO_HEADER, from_form), found


def mismatch(found: tuple[Contradiction, ...]) -> IdentityMismatch:
    """Return the error of undecided contradictions; its message holds none of the values."""
    texts = [str(MISMATCHES[one.field][1]) for one in found]
    return IdentityMismatch(MISMATCHES[found[0].field][0], " ".join([*texts, str(CHOOSE)]), found)


def _of_form(fields: UploadFields) -> dict[str, str]:
    return {
        "patient_ref": fields.patient_ref,
        "accession_number": fields.accession_number,
        "view": fields.view,
        "birth_date": _iso(fields.birth_date),
        "study_date": _iso(fields.study_date),
    }


def _of_file(header: DicomHeader) -> dict[str, str]:
    return {
        "patient_ref": header.patient_id,
        "accession_number": header.accession_number,
        "view": header.view,
        "birth_date": _iso(header.birth_date),
        "study_date": _iso(header.study_at.date() if header.study_at else None),
    }


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""


def _identity(fields: UploadFields, header: DicomHeader, from_form: set[str]) -> Identity:
    if "patient_ref" in from_form:  # then the file describes another patient
        header = replace(header, patient_name="", birth_date=None, sex="", age=None)
    stated, stored = _of_form(fields), _of_file(header)
    text = {
        field: stated[field] if field in from_form else stored[field] or stated[field] for field in stored
    }
    birth_date = date.fromisoformat(text["birth_date"]) if text["birth_date"] else None
    study_day = date.fromisoformat(text["study_date"]) if text["study_date"] else None
    age = None if "birth_date" in from_form else header.age
    return Identity(
        patient_ref=text["patient_ref"],
        accession_number=text["accession_number"],
        view=text["view"],
        birth_date=birth_date,
        study_at=_study_at(study_day, header),
        age=years_between(birth_date, study_day) if age is None else age,
        patient_name=header.patient_name or fields.patient_name,
        sex=header.sex or fields.sex,
        referrer=header.referrer or fields.referrer,
        clinical_question=header.clinical_question or fields.clinical_question,
    )


def _study_at(day: date | None, header: DicomHeader) -> datetime | None:
    """Return the time of the study; a file without an offset states the local time of the site."""
    if day is None:
        return None
    stored = header.study_at if header.study_at and header.study_at.date() == day else None
    at = stored or datetime.combine(day, time())
    return at if at.tzinfo else timezone.make_aware(at, timezone.get_default_timezone())
