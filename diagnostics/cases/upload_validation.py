"""What may be admitted: decisions about an upload, without a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from diagnostics.cases.errors import InvalidField, UnusableRadiograph
from diagnostics.cases.models import Priority, View
from ml.images import decode
from ml.images.size_limits import MAX_FILE_BYTES
from ml.records import DecodedRadiograph, UnreadableImage

LONGEST_REFERENCE: Final = 64  # characters

REASONS: Final[dict[str, Promise]] = {
    "empty_file": gettext_lazy("The file is empty. Please choose the radiograph again."),
    "too_large": gettext_lazy("The file is larger than 64 MB. Please send one radiograph per file."),
    "unknown_format": gettext_lazy("This is no radiograph that we can read. Please send PNG, JPEG or DICOM."),
    "damaged": gettext_lazy("The file is damaged or cut short. Please export the radiograph again."),
    "too_many_pixels": gettext_lazy(
        "The radiograph is too large: at most 40 megapixels, 10,000 pixels a side."
    ),
    "too_small": gettext_lazy("The radiograph is too small: each side needs at least 64 pixels."),
    "multi_frame": gettext_lazy("The file holds several frames. Please send one radiograph per file."),
    "animated": gettext_lazy("The file is an animation. Please send one radiograph per file."),
    "deflated_dicom": gettext_lazy(
        "Deflated DICOM is not accepted. Please export the radiograph uncompressed."
    ),
    "no_pixels": gettext_lazy("The file holds no image. Please export the radiograph again."),
    "not_an_xray_modality": gettext_lazy(
        "This is no plain radiograph (CR or DX). Please choose another file."
    ),
    "unsupported_encoding": gettext_lazy("This kind of compression is not known here. Please export as PNG."),
    "blank": gettext_lazy("The radiograph is blank: every pixel has one value. Please export it again."),
    "decoder_crashed": gettext_lazy("The file could not be opened. Please export the radiograph again."),
    "decoder_timeout": gettext_lazy("The file took too long to open. Please export the radiograph again."),
    "decoder_memory": gettext_lazy(
        "The file needs too much memory to open. Please export the radiograph again."
    ),
}


@dataclass(frozen=True)
class UploadFields:
    """What the sender says of a radiograph, checked."""

    patient_ref: str
    accession_number: str
    view: str
    priority: Priority


def validated_fields(*, patient_ref: str, accession_number: str, view: str, priority: str) -> UploadFields:
    """Check what was written beside a radiograph; raises IncompleteOrder."""
    return UploadFields(
        patient_ref=_patient_ref(patient_ref),
        accession_number=_accession_number(accession_number),
        view=_view(view),
        priority=_priority(priority),
    )


def decode_upload(radiograph: bytes) -> DecodedRadiograph:
    """Decode a radiograph, out of the reach of this process; raises UnusableRadiograph."""
    check_file_size(len(radiograph))
    try:
        return decode.read_radiograph_in_child(radiograph)
    except UnreadableImage as trouble:
        raise unusable_radiograph(trouble.code, str(trouble)) from trouble


def check_file_size(size: int) -> None:
    """Refuse a file by its size alone, before anything reads it; raises UnusableRadiograph."""
    if size > MAX_FILE_BYTES:
        raise unusable_radiograph("too_large")


def unusable_radiograph(code: str, otherwise: str = "") -> UnusableRadiograph:
    """Put the reason in the reader's language; `otherwise` serves codes that have no sentence yet."""
    return UnusableRadiograph(code, str(REASONS.get(code, otherwise)))


def _patient_ref(text: str) -> str:
    text = text.strip()
    if not text:
        raise InvalidField("patient_ref_missing", _("Please enter the patient reference."))
    if not _fits(text):
        raise InvalidField(
            "patient_ref_unusable",
            _("The patient reference may have at most 64 characters and no control characters."),
        )
    return text


def _accession_number(text: str) -> str:
    text = text.strip()
    if not _fits(text):
        raise InvalidField(
            "accession_number_unusable",
            _("The accession number may have at most 64 characters and no control characters."),
        )
    return text


def _view(text: str) -> str:
    text = text.strip().upper()
    if text not in View.values:
        raise InvalidField("view_unknown", _("The view must be PA, AP or LATERAL, or left empty."))
    return text


def _priority(text: str) -> Priority:
    text = text.strip().lower() or Priority.ROUTINE
    if text not in Priority.values:
        raise InvalidField("priority_unknown", _("The priority must be stat, urgent or routine."))
    return Priority(text)


def _fits(text: str) -> bool:
    return len(text) <= LONGEST_REFERENCE and text.isprintable()
