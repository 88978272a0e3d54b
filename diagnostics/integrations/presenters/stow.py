"""The response of STOW-RS (PS3.18, 10.5.3): which instances were stored, and why others were not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import pydicom

from diagnostics.cases.models import Radiograph
from diagnostics.integrations.services.receiving import Outcome, Received

OUT_OF_RESOURCES, MISMATCH, NOT_UNDERSTOOD = 0xA700, 0xA900, 0xC000
SYNTAX_NOT_SUPPORTED, CLASS_NOT_SUPPORTED, DUPLICATE, PROCESSING = 0xC122, 0x0122, 0x0111, 0x0110
FAILURE_REASONS: Final[dict[str, int]] = {  # PS3.18, table I.2-2, and PS3.7, annex C
    **dict.fromkeys(("storage_unavailable", "busy", "too_large", "too_many_pixels"), OUT_OF_RESOURCES),
    **dict.fromkeys(("not_an_xray_modality", "no_pixels", "multi_frame"), CLASS_NOT_SUPPORTED),
    **dict.fromkeys(("unsupported_encoding", "deflated_dicom"), SYNTAX_NOT_SUPPORTED),
    **dict.fromkeys(("damaged", "empty_file", "unknown_format", "not_dicom"), NOT_UNDERSTOOD),
    **dict.fromkeys(("patient_ref_missing", "blank", "too_small", "study_mismatch"), MISMATCH),
    **dict.fromkeys(("sop_instance_reused", "radiograph_of_another_patient"), DUPLICATE),
}
PRIVATE_GROUP, PRIVATE_CREATOR = 0x0009, "READROOM"
ALL_STORED, SOME_STORED, NONE_STORED, TRY_AGAIN = 200, 202, 409, 503


def status_of(received: Sequence[Received]) -> int:
    """Return the HTTP status of a response."""
    refused = [each for each in received if each.outcome == Outcome.REFUSED]
    if not refused and received:
        return ALL_STORED
    if len(refused) < len(received):
        return SOME_STORED
    return TRY_AGAIN if refused and all(each.is_temporary for each in refused) else NONE_STORED


def response_of(
    received: Sequence[Received],
    *,
    study_url: Callable[[Radiograph], str],
    instance_url: Callable[[Radiograph], str],
) -> dict[str, Any]:
    """Return the response as DICOM JSON."""
    response = pydicom.Dataset()
    stored = [each.case.radiograph for each in received if each.case is not None]
    studies = {study_url(radiograph) for radiograph in stored}
    if len(studies) == 1:
        response.RetrieveURL = studies.pop()
    response.ReferencedSOPSequence = [
        _stored(each, instance_url) for each in received if each.case is not None
    ]
    refused = [each for each in received if each.outcome == Outcome.REFUSED]
    response.FailedSOPSequence = [_refused(each) for each in refused if each.sop_instance_uid]
    response.OtherFailuresSequence = [_refused(each) for each in refused if not each.sop_instance_uid]
    for keyword in ("ReferencedSOPSequence", "FailedSOPSequence", "OtherFailuresSequence"):
        if not response[keyword].value:
            del response[keyword]
    return response.to_json_dict()


def _stored(received: Received, instance_url: Callable[[Radiograph], str]) -> pydicom.Dataset:
    item = _reference(received)
    assert received.case is not None
    item.RetrieveURL = instance_url(received.case.radiograph)
    return item


def _refused(received: Received) -> pydicom.Dataset:
    """Return the failure with its reason, and in a private block Readroom's own code and text."""
    item = _reference(received) if received.sop_instance_uid else pydicom.Dataset()
    item.FailureReason = FAILURE_REASONS.get(received.code, PROCESSING)
    block = item.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(0x01, "LO", received.code)
    block.add_new(0x02, "LT", received.message)
    return item


def _reference(received: Received) -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.ReferencedSOPClassUID = received.sop_class_uid
    item.ReferencedSOPInstanceUID = received.sop_instance_uid
    return item
