"""The header of a DICOM file: patient, request, study and device, read without the pixel data.

A value that is damaged, or too long for what it is, is left out; it never makes the radiograph unreadable.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Final

import pydicom
from pydicom import uid
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset
from pydicom.valuerep import DT, PersonName

from ml.errors import UnreadableImage
from ml.images.deflated import read_deflated
from ml.images.study_dates import is_plausible, years_between
from ml.records import DicomHeader

DAMAGED: Final = "This file is damaged and cannot be decoded."
PREAMBLE: Final = 132  # bytes: 128 of preamble and the prefix DICM
MAX_ELEMENT: Final = 4096  # bytes of an element that is decoded
MAX_IDENTIFIER: Final = (
    64  # characters; a longer one is left out, since its beginning may be another patient's
)
MAX_NAME: Final = 200
MAX_QUESTION: Final = 500
LATERAL_VIEWS: Final = frozenset({"LL", "RL", "LLD", "RLD", "LAT", "LATERAL"})
VIEW_CODES: Final = {  # DICOM PS3.16, CID 4010, by SNOMED CT and by SNOMED RT
    "399348003": "AP",
    "R-10206": "AP",
    "272479007": "PA",
    "R-10214": "PA",
    "R-40888": "PA",
    "399067008": "LATERAL",
    "R-102CD": "LATERAL",
    "399173006": "LATERAL",
    "R-10236": "LATERAL",
    "399198007": "LATERAL",
    "R-10232": "LATERAL",
}
# Why the radiograph was requested, then what was requested: a description of the study is not a question,
# but says more than nothing. The request is read before the study, which may cover several requests.
QUESTIONS: Final = (
    "ReasonForTheRequestedProcedure",
    "RequestAttributesSequence.ReasonForTheRequestedProcedure",
    "ReasonForRequestedProcedureCodeSequence.CodeMeaning",
    "RequestAttributesSequence.ReasonForRequestedProcedureCodeSequence.CodeMeaning",
    "AdditionalPatientHistory",
    "RequestAttributesSequence.RequestedProcedureDescription",
    "RequestedProcedureDescription",
    "StudyDescription",
)


def read_header(content: bytes) -> DicomHeader:
    """Return the header of a DICOM file; raises UnreadableImage."""
    try:
        syntax = transfer_syntax(content)
        if not syntax:
            raise UnreadableImage("damaged", DAMAGED)
        if syntax == uid.DeflatedExplicitVRLittleEndian:
            return header_of(read_deflated(content, header_only=True))
        return header_of(pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True))
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # pydicom raises many kinds of errors for a damaged file
        raise UnreadableImage("damaged", DAMAGED) from error


def transfer_syntax(content: bytes) -> str:
    """Return the transfer syntax of a DICOM file; reads the file meta only, because dcmread inflates."""
    meta = read_dataset(
        io.BytesIO(content[PREAMBLE:]),
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != 2,
    )
    return str(meta.get("TransferSyntaxUID", ""))


def header_of(dataset: pydicom.Dataset) -> DicomHeader:
    """Return the header of a data set, with empty values for what it lacks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that break a rule of DICOM
        return _header(dataset)


def _header(dataset: pydicom.Dataset) -> DicomHeader:
    birth_date, study_at = _date(_text(dataset, "PatientBirthDate")), _study_at(dataset)
    return DicomHeader(
        patient_id=_identifier(dataset, "PatientID"),
        patient_name=_name(dataset, "PatientName"),
        birth_date=birth_date,
        sex=_code(dataset, "PatientSex", ("M", "F", "O")),
        age=_age(_text(dataset, "PatientAge"), birth_date, study_at),
        accession_number=_accession_number(dataset),
        study_uid=_uid(dataset, "StudyInstanceUID"),
        series_uid=_uid(dataset, "SeriesInstanceUID"),
        sop_instance_uid=_uid(dataset, "SOPInstanceUID"),
        study_at=study_at,
        view=_view(dataset),
        body_part=_text(dataset, "BodyPartExamined", 64),
        modality=_text(dataset, "Modality", 16),
        laterality=_laterality(dataset),
        institution=_text(dataset, "InstitutionName", MAX_NAME),
        device=f"{_text(dataset, 'Manufacturer', 99)} {_text(dataset, 'ManufacturerModelName', 99)}".strip(),
        referrer=_name(dataset, "ReferringPhysicianName"),
        clinical_question=_question(dataset),
    )


def _values(dataset: pydicom.Dataset, keyword: str) -> list[Any]:
    """Return the values of an element; none where it is missing, damaged or very long."""
    with suppress(Exception):  # one damaged value must not stop a reading
        raw = dataset.get_item(keyword)
        is_text = isinstance(raw, RawDataElement) and not keyword.endswith("Sequence")
        if raw is None or (is_text and raw.length > MAX_ELEMENT):
            return []
        value = dataset.get(keyword)
        if value is not None:
            is_single = isinstance(value, str | bytes | PersonName | int | float)
            return [value] if is_single else list(value)
    return []


def _clean(text: str, length: int) -> str:
    """Return text on one line without control and invisible characters, cut to a length."""
    visible = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return visible[:length].strip()


def _text(dataset: pydicom.Dataset, keyword: str, length: int = MAX_NAME) -> str:
    return next((_clean(str(value), length) for value in _values(dataset, keyword)), "")


def _identifier(dataset: pydicom.Dataset, keyword: str) -> str:
    text = _text(dataset, keyword, MAX_IDENTIFIER + 1)
    return text if len(text) <= MAX_IDENTIFIER else ""


def _accession_number(dataset: pydicom.Dataset) -> str:
    """Return the number of the study, or of its only request."""
    requests = {_identifier(item, "AccessionNumber") for item in _items(dataset, "RequestAttributesSequence")}
    requests.discard("")
    return _identifier(dataset, "AccessionNumber") or (requests.pop() if len(requests) == 1 else "")


def _uid(dataset: pydicom.Dataset, keyword: str) -> str:
    text = _identifier(dataset, keyword)
    return text if re.fullmatch(r"[0-9.]+", text) else ""


def _code(dataset: pydicom.Dataset, keyword: str, allowed: tuple[str, ...]) -> str:
    text = _text(dataset, keyword).upper()
    return text if text in allowed else ""


def _items(dataset: pydicom.Dataset, keyword: str) -> Iterator[pydicom.Dataset]:
    return (item for item in _values(dataset, keyword) if isinstance(item, pydicom.Dataset))


def _name(dataset: pydicom.Dataset, keyword: str) -> str:
    """Return a name as "Family, Given", followed by its ideographic or phonetic form in parentheses."""
    name = next(iter(_values(dataset, keyword)), None)
    if name is None:
        return ""
    groups = [_name_of_group(group) for group in str(name).split("=")]
    alphabetic, written = groups[0], next((group for group in groups[1:] if group), "")
    return _clean(f"{alphabetic} ({written})" if alphabetic and written else alphabetic or written, MAX_NAME)


def _name_of_group(group: str) -> str:
    parts = [_clean(part, MAX_NAME) for part in group.split("^")]
    family, given, middle, _prefix, suffix = (parts + [""] * 5)[:5]
    return ", ".join(part for part in (family, " ".join(filter(None, (given, middle, suffix)))) if part)


def _view(dataset: pydicom.Dataset) -> str:
    position = _text(dataset, "ViewPosition").upper()
    if position in LATERAL_VIEWS:
        return "LATERAL"
    if position:
        return position if position in ("PA", "AP") else ""
    codes = (VIEW_CODES.get(_text(item, "CodeValue")) for item in _items(dataset, "ViewCodeSequence"))
    return next((view for view in codes if view), "")


def _laterality(dataset: pydicom.Dataset) -> str:
    sides = ("L", "R", "U", "B")
    return _code(dataset, "ImageLaterality", sides) or _code(dataset, "Laterality", sides)


def _question(dataset: pydicom.Dataset) -> str:
    return next((text for path in QUESTIONS for text in _texts_at(dataset, path.split(".")) if text), "")


def _texts_at(dataset: pydicom.Dataset, path: list[str]) -> Iterator[str]:
    if len(path) == 1:
        yield _text(dataset, path[0], MAX_QUESTION)
        return
    for item in _items(dataset, path[0]):
        yield from _texts_at(item, path[1:])


def _date(text: str) -> date | None:
    digits = text.replace(".", "")  # ACR-NEMA wrote 2020.01.31
    if not re.fullmatch(r"[0-9]{8}", digits):
        return None
    with suppress(ValueError):
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        return day if is_plausible(day) else None
    return None


def _study_at(dataset: pydicom.Dataset) -> datetime | None:
    """Return the time of the study; without an offset where the file has none: local to the hospital."""
    day = _date(_text(dataset, "StudyDate"))
    if day is None:
        return None
    time, offset = _text(dataset, "StudyTime").replace(":", ""), _text(dataset, "TimezoneOffsetFromUTC")
    for text in (f"{day:%Y%m%d}{time}{offset}", f"{day:%Y%m%d}{time}"):
        with suppress(ValueError, OverflowError):
            parsed = DT(text)
            return datetime.fromisoformat(parsed.isoformat()) if parsed else None
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001


def _age(text: str, birth_date: date | None, study_at: datetime | None) -> int | None:
    """Return the age at the study in years, from the birth date where the file states no age."""
    if re.fullmatch(r"[0-9]{3}[DWMY]", text):
        return int(text[:3]) // {"Y": 1, "M": 12, "W": 52, "D": 365}[text[3]]
    return years_between(birth_date, study_at.date() if study_at else None)
