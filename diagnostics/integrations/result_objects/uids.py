"""Stable UIDs of the objects of a result: a repetition has the same UIDs (PS3.5 B.2)."""

from __future__ import annotations

from uuid import UUID, uuid5


def instance_uid(case_id: UUID, version_id: object, kind: str) -> str:
    """Return the SOP instance UID of an object of a result."""
    return _uid(case_id, f"instance/{version_id}/{kind}")


def series_uid(case_id: UUID, version_id: object, kind: str) -> str:
    """Return the series UID of an object of a result: one series for each version and kind."""
    return _uid(case_id, f"series/{version_id}/{kind}")


def own_uid(case_id: UUID, level: str) -> str:
    """Return the UID of the study, series or instance of a radiograph whose file names none."""
    return _uid(case_id, level)


def _uid(case_id: UUID, name: str) -> str:
    return f"2.25.{uuid5(case_id, name).int}"
