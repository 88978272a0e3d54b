"""The training label of a case, from its rows, as selectors/training_labels.py defines it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from diagnostics.findings import TRAINABLE_FINDINGS
from diagnostics.review.models import ConsensusStatus, ReadingKind
from diagnostics.review.selectors.case_rows import CaseRows, Row


class Label(NamedTuple):
    """A training label; `signed_at` is when a signed one became final, None for an imported one."""

    pk: UUID
    finding: str
    source: str | None  # of an imported label
    signed_at: datetime | None


def label_of(rows: CaseRows) -> Label | None:
    """Return the training label of a case, wherever its site is."""
    if rows.case["withdrawn_at"] or rows.has_reference_pixels:
        return None
    return _signed(rows) if rows.readings else _imported(rows)


def has_conflict(rows: CaseRows) -> bool:
    """Return whether a case without a reading has imported labels with different findings."""
    is_unread = not rows.readings and rows.case["withdrawn_at"] is None
    return is_unread and len({label["finding"] for label in rows.imported}) > 1


def _signed(rows: CaseRows) -> Label | None:
    final = rows.consensus.get("finding")
    if not rows.is_original or rows.consensus.get("status") != ConsensusStatus.FINAL:
        return None
    if final not in TRAINABLE_FINDINGS:
        return None
    blind = [row for row in rows.readings if row["supersedes"] is None and row["finding"] == final]
    unchanged = [row for row in blind if not _has_changed(row, rows)]
    if not unchanged:
        return None
    newest = max(unchanged, key=_rank)
    finalized_at = rows.case["finalized_at"]
    signed_at = max(newest["signed_at"], finalized_at) if finalized_at else newest["signed_at"]
    return Label(newest["id"], newest["finding"], None, signed_at)


def _rank(reading: Row) -> tuple[bool, datetime, str]:
    return reading["kind"] != ReadingKind.SECOND_OPINION, reading["signed_at"], reading["id"].hex


def _has_changed(reading: Row, rows: CaseRows) -> bool:
    return any(
        other["by"] == reading["by"] and other["finding"] != reading["finding"] for other in rows.readings
    )


def _imported(rows: CaseRows) -> Label | None:
    first = next(iter(rows.imported), None)
    if first is None or first["finding"] not in TRAINABLE_FINDINGS or has_conflict(rows):
        return None
    return Label(first["id"], first["finding"], first["source"], None)
