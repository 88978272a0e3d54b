"""The header of a DICOM file as JSON, between the decoding process and its caller."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from ml.records import DicomHeader


def header_to_json(header: DicomHeader | None) -> dict[str, Any] | None:
    """Return a header as values of JSON."""
    if header is None:
        return None
    dates = {name: _iso(getattr(header, name)) for name in ("birth_date", "study_at")}
    return asdict(header) | dates


def header_from_json(values: dict[str, Any] | None) -> DicomHeader | None:
    """Return the header that `header_to_json` has written."""
    if values is None:
        return None
    birth_date, study_at = values["birth_date"], values["study_at"]
    dates = {
        "birth_date": date.fromisoformat(birth_date) if birth_date else None,
        "study_at": datetime.fromisoformat(study_at) if study_at else None,
    }
    return DicomHeader(**(values | dates))


def _iso(value: date | None) -> str | None:
    return value.isoformat() if value else None
