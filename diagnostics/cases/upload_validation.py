"""Validation of an upload: its fields, its size and its pixels, without a database."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.errors import InvalidField, ServerBusy, UnusableRadiograph
from diagnostics.cases.models import Priority, View
from ml.errors import DecoderBusy, UnreadableImage
from ml.images import decode_in_child
from ml.images.decoding_slots import DecodingSlots
from ml.images.size_limits import MAX_FILE_BYTES
from ml.images.study_dates import is_plausible
from ml.records import DecodedRadiograph

MAX_REFERENCE_LENGTH: Final = 64  # characters
MAX_NAME_LENGTH: Final = 200
MAX_QUESTION_LENGTH: Final = 500
MIN_REASON: Final = 5
MAX_REASON: Final = 200
SEXES: Final = ("", "F", "M", "O")

logger = logging.getLogger(__name__)

REASONS: Final[dict[str, Promise]] = {
    "empty_file": gettext_lazy("The file is empty. Please choose the radiograph again."),
    "too_large": gettext_lazy("The file is larger than 64 MB. Please upload one radiograph per file."),
    "unknown_format": gettext_lazy("The file format is not supported. Please upload PNG, JPEG or DICOM."),
    "damaged": gettext_lazy("The file is damaged or truncated. Please export the radiograph again."),
    "too_many_pixels": gettext_lazy(
        "The image is too large: at most 40 megapixels and 10,000 pixels per side."
    ),
    "too_small": gettext_lazy("The image is too small: each side needs at least 64 pixels."),
    "multi_frame": gettext_lazy("The file contains several frames. Please upload one radiograph per file."),
    "animated": gettext_lazy("The file is an animation. Please upload one radiograph per file."),
    "no_pixels": gettext_lazy("The file contains no image. Please export the radiograph again."),
    "not_an_xray_modality": gettext_lazy(
        "The file is not a plain radiograph (CR or DX). Please choose another file."
    ),
    "unsupported_encoding": gettext_lazy(
        "The compression of the file is not supported. Please export it as PNG."
    ),
    "blank": gettext_lazy("The image is blank: all pixels have the same value. Please export it again."),
    "decoder_crashed": gettext_lazy("The file could not be decoded. Please export the radiograph again."),
    "decoder_timeout": gettext_lazy("Decoding the file took too long. Please export the radiograph again."),
    "decoder_memory": gettext_lazy(
        "Decoding the file needs too much memory. Please export the radiograph again."
    ),
}


@dataclass(frozen=True, repr=False)
class UploadFields:
    """The validated fields of an upload; all but the priority may be empty and come from the file then."""

    patient_ref: str
    accession_number: str
    view: str
    priority: Priority
    patient_name: str = ""
    birth_date: date | None = None
    sex: str = ""
    study_date: date | None = None
    referrer: str = ""
    clinical_question: str = ""


@dataclass(frozen=True, repr=False)
class Details:
    """What a form may state of patient and request besides the identifiers."""

    patient_name: str = ""
    birth_date: date | None = None
    sex: str = ""
    study_date: date | None = None
    referrer: str = ""
    clinical_question: str = ""


NO_DETAILS: Final = Details()


def validated_fields(
    *, patient_ref: str, accession_number: str, view: str, priority: str, details: Details = NO_DETAILS
) -> UploadFields:
    """Return the validated fields of an upload; raises InvalidField."""
    return UploadFields(
        patient_ref=checked_reference(patient_ref),
        accession_number=checked_accession_number(accession_number),
        view=checked_view(view),
        priority=_priority(priority),
        patient_name=_text("patient_name", details.patient_name, MAX_NAME_LENGTH),
        birth_date=_date("birth_date", details.birth_date),
        sex=_sex(details.sex),
        study_date=_date("study_date", details.study_date),
        referrer=_text("referrer", details.referrer, MAX_NAME_LENGTH),
        clinical_question=_text("clinical_question", details.clinical_question, MAX_QUESTION_LENGTH),
    )


def patient_ref_missing() -> InvalidField:
    """Return the error of an upload whose patient neither form nor file names."""
    return InvalidField("patient_ref_missing", _("Please enter the patient reference."))


def checked_reason(reason: str) -> str:
    """Return a reason on one line; raises InvalidField where it is too short or too long."""
    reason = " ".join(reason.split())
    if len(reason) < MIN_REASON:
        raise InvalidField("reason_missing", _("Please enter the reason in at least five characters."))
    if len(reason) > MAX_REASON:
        raise InvalidField("reason_too_long", _("The reason may have at most 200 characters."))
    return reason


def decode_upload(radiograph: bytes) -> DecodedRadiograph:
    """Decode a radiograph in a limited child process; raises UnusableRadiograph, ServerBusy."""
    check_file_size(len(radiograph))
    try:
        with decoding_slot():
            return decode_in_child.decode_radiograph_in_child(radiograph)
    except UnreadableImage as error:
        if error.cause:
            logger.error("the decoding child failed: %s", error.cause)
        raise unusable_radiograph(error.code, str(error)) from error


@contextmanager
def decoding_slot() -> Iterator[None]:
    """Hold one of the host's decoding slots; raises ServerBusy.

    An upload holds it from reading its file to storing its images, which bounds the memory of all uploads.
    """
    slots = DecodingSlots(settings.DECODING_SLOTS_FOLDER, settings.DECODING_SLOTS, settings.DECODING_WAIT)
    try:
        with slots.take():
            yield
    except DecoderBusy as error:
        raise ServerBusy(
            _("The server is busy with other radiographs. Nothing was stored: please upload again soon.")
        ) from error


def check_file_size(size: int) -> None:
    """Refuse a file by its size, before it is read; raises UnusableRadiograph."""
    if size > MAX_FILE_BYTES:
        raise unusable_radiograph("too_large")


def unusable_radiograph(code: str, fallback: str = "") -> UnusableRadiograph:
    """Return the error of a code in the user's language; `fallback` is the text of an unlisted code."""
    return UnusableRadiograph(code, str(REASONS.get(code, fallback)))


def checked_reference(text: str) -> str:
    """Return a patient reference, empty where none was entered; raises InvalidField."""
    text = text.strip()
    if not _is_valid_reference(text):
        raise InvalidField(
            "patient_ref_unusable",
            _("The patient reference may have at most 64 characters and no control characters."),
        )
    return text


def checked_accession_number(text: str) -> str:
    """Return an accession number; raises InvalidField."""
    text = text.strip()
    if not _is_valid_reference(text):
        raise InvalidField(
            "accession_number_unusable",
            _("The accession number may have at most 64 characters and no control characters."),
        )
    return text


def checked_view(text: str) -> str:
    """Return a projection in upper case; raises InvalidField."""
    text = text.strip().upper()
    if text not in View.values:
        raise InvalidField("view_unknown", _("The view must be PA, AP, LATERAL or empty."))
    return text


def _priority(text: str) -> Priority:
    text = text.strip().lower() or Priority.ROUTINE
    if text not in Priority.values:
        raise InvalidField("priority_unknown", _("The priority must be stat, urgent or routine."))
    return Priority(text)


def _date(field: str, day: date | None) -> date | None:
    if day is not None and not is_plausible(day):
        raise InvalidField(f"{field}_unusable", _("Please check the year of the date."))
    return day


def _sex(text: str) -> str:
    text = text.strip().upper()
    if text not in SEXES:
        raise InvalidField("sex_unknown", _("The sex must be F, M, O or empty."))
    return text


def _text(field: str, text: str, length: int) -> str:
    text = " ".join(text.split())
    if len(text) > length or not text.isprintable():
        message = _("This text may have at most %(length)d characters and no control characters.")
        raise InvalidField(f"{field}_unusable", message % {"length": length})
    return text


def _is_valid_reference(text: str) -> bool:
    return len(text) <= MAX_REFERENCE_LENGTH and text.isprintable()
