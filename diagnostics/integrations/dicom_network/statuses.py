"""DICOM status codes of a response (PS3.4 B.2.3, PS3.7 annex C) for each outcome of an instance."""

from __future__ import annotations

from typing import Final

SUCCESS: Final = 0x0000
NOT_AUTHORISED: Final = 0x0124
OUT_OF_RESOURCES: Final = 0xA700  # the sender may send the instance again
NOT_OF_SOP_CLASS: Final = 0xA900
CANNOT_UNDERSTAND: Final = 0xC000
NO_PATIENT: Final = 0xC001
CONTRADICTION: Final = 0xC002  # to a patient, study or instance that is stored
WITHDRAWN: Final = 0xC003
PROCESSING_FAILURE: Final = 0x0110
TEMPORARY: Final = frozenset({"storage_unavailable", "busy", "decoder_memory", "decoder_timeout"})
STATUS_OF_CODE: Final = {
    "not_an_xray_modality": NOT_OF_SOP_CLASS,
    "no_pixels": NOT_OF_SOP_CLASS,
    "multi_frame": NOT_OF_SOP_CLASS,
    "instance_mismatch": NOT_OF_SOP_CLASS,
    "patient_ref_missing": NO_PATIENT,
    "patient_ref_unusable": NO_PATIENT,
    "radiograph_of_another_patient": CONTRADICTION,
    "sop_instance_reused": CONTRADICTION,
    "case_withdrawn": WITHDRAWN,
    "not_allowed": NOT_AUTHORISED,
    "internal": PROCESSING_FAILURE,
}


def status_of(code: str) -> int:
    """Return the status of a refusal by its code; SUCCESS without a code."""
    if not code:
        return SUCCESS
    return OUT_OF_RESOURCES if code in TEMPORARY else STATUS_OF_CODE.get(code, CANNOT_UNDERSTAND)


def is_passing(status: int) -> bool:
    """Return whether a refused instance may be sent again later: resources, or a failure without a reason."""
    return status in (PROCESSING_FAILURE, 0x0122, NOT_AUTHORISED) or 0xA700 <= status <= 0xA7FF
