"""What a case adds to the kept figures, from its rows; the definition of each kind and its key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from diagnostics.cases.selectors.predictions import ONE_FINDING
from diagnostics.findings import Finding
from diagnostics.review.models import ConsensusStatus, ControlPurpose, FigureKind, ReadingKind
from diagnostics.review.selectors.case_labels import Label, has_conflict
from diagnostics.review.selectors.case_rows import CaseRows, Row

TARGET: Final = Finding.COVID_19.value
DEFAULT_THRESHOLD: Final = 0.5


class Entry(NamedTuple):
    """A case, or a reading of it, under one key of a figure."""

    site: str
    kind: str
    at: str  # the beginning of an hour, in UTC; empty where the kind has no time
    key: str


def entries_of(rows: CaseRows, label: Label | None) -> list[Entry]:
    """Return what a case adds to all figures but the number of patients; nothing of a withdrawn case."""
    if rows.case["withdrawn_at"]:
        return []
    return [
        *_label(rows, label),
        *_agreement(rows),
        *_assisted(rows),
        *_random(rows),
        *_control(rows),
        *_ai_results(rows),
    ]


def final_at_of(rows: CaseRows) -> datetime | None:
    """Return when a case from the worklist became final; None for control cases and withdrawn ones."""
    counts = rows.is_original and rows.case["on_worklist"] and rows.case["withdrawn_at"] is None
    at: datetime | None = rows.case["finalized_at"]
    return at if counts else None


def entry(site: UUID, kind: FigureKind, *key: Any, at: datetime | None = None) -> Entry:
    """Return an entry; its key is a JSON array."""
    hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0).isoformat() if at else ""
    return Entry(site.hex, kind.value, hour, json.dumps(key, separators=(",", ":"), default=_hex))


def is_flagged(probabilities: dict[str, float], operating_points: dict[str, float]) -> bool:
    """Return whether the probability of COVID-19 reaches the operating point."""
    return bool(probabilities[TARGET] >= operating_points.get(TARGET, DEFAULT_THRESHOLD))


def _label(rows: CaseRows, label: Label | None) -> Iterator[Entry]:
    """Yield [source of an imported label or null, finding, view, sex]."""
    case = rows.case
    if label is not None:
        view, sex = case["radiograph__view"] or "", case["radiograph__sex"] or ""
        yield entry(case["site"], FigureKind.LABEL, label.source, label.finding, view, sex)
    if has_conflict(rows):
        yield entry(case["site"], FigureKind.CONFLICT)


def _agreement(rows: CaseRows) -> Iterator[Entry]:
    """Yield [[reader, finding], ...] of a case with the first readings of several readers."""
    first = [row for row in _first(rows) if row["kind"] == ReadingKind.READING]
    if rows.is_original and len(first) > 1:
        yield entry(
            rows.case["site"],
            FigureKind.AGREEMENT,
            *sorted((row["by"].hex, row["finding"]) for row in first),
        )


def _assisted(rows: CaseRows) -> Iterator[Entry]:
    """Yield [first reading, AI result, AI-assisted reading, final finding].

    The final finding of a case with a single reader is that reader's own, so it is left empty.
    """
    is_final = rows.consensus.get("status") == ConsensusStatus.FINAL
    for row in rows.assisted if rows.is_original else ():
        has_other = any(reading["by"] != row["reading__by"] for reading in rows.readings)
        yield entry(
            rows.case["site"],
            FigureKind.ASSISTED,
            row["reading__finding"],
            row["prediction__finding"],
            row["finding"],
            rows.consensus["finding"] if is_final and has_other else "",
        )


def _random(rows: CaseRows) -> Iterator[Entry]:
    """Yield [final finding is COVID-19, AI result is flagged] of a randomly drawn final case."""
    final = rows.consensus.get("finding") if rows.consensus.get("status") == ConsensusStatus.FINAL else ""
    if not (rows.is_random and rows.is_original and final and final != Finding.CANNOT_JUDGE):
        return
    scored = [row for row in rows.predictions if TARGET in row["probabilities"]]
    if scored:
        flag = is_flagged(scored[-1]["probabilities"], scored[-1]["operating_points"])
        yield entry(rows.case["site"], FigureKind.RANDOM, final == TARGET, flag)


def _control(rows: CaseRows) -> Iterator[Entry]:
    """Yield [reader, earlier finding or reference standard, finding] of a repeat or reference case."""
    if rows.original is None:
        return
    site = rows.original.case["site"]
    for row in _first(rows):
        if rows.purpose == ControlPurpose.REPEAT:
            earlier = next((one for one in _first(rows.original) if one["by"] == row["by"]), None)
            finding = earlier["finding"] if earlier else None
            yield entry(site, FigureKind.REPEAT, row["by"], finding, row["finding"])
        elif rows.purpose == ControlPurpose.REFERENCE:
            yield entry(site, FigureKind.REFERENCE, row["by"], rows.original.reference, row["finding"])


def _ai_results(rows: CaseRows) -> Iterator[Entry]:
    """Yield [first reading has the finding of the newest AI result] by the hour of the signature."""
    if not rows.is_original or not (predicted := _predicted(rows)):
        return
    for row in _first(rows):
        if row["kind"] == ReadingKind.READING and row["finding"] != Finding.CANNOT_JUDGE:
            same = row["finding"] == predicted
            yield entry(rows.case["site"], FigureKind.AI_RESULT, same, at=row["signed_at"])


def _predicted(rows: CaseRows) -> str:
    single = [row for row in rows.predictions if row["outcome"] in ONE_FINDING and row["finding"]]
    return str(single[-1]["finding"]) if single else ""


def _first(rows: CaseRows) -> list[Row]:
    return [row for row in rows.readings if row["supersedes"] is None]


def _hex(value: UUID) -> str:
    return value.hex
