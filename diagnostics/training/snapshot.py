"""A frozen data set: which radiographs, which findings, whose pseudonyms, under one checksum."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from ml.records import LabelledImage

FILE: Final = "snapshot.jsonl"


@dataclass(frozen=True)
class SnapshotEntry:
    """One radiograph with its signed or imported finding, as the hospital keeps it."""

    label: UUID  # of the reading or the imported label
    imported: bool
    finding: str
    path: Path
    pixel_sha256: str
    site: UUID
    patient_ref: str
    source: str  # the site, or what an imported collection says
    view: str


def pseudonym(site: UUID, patient_ref: str, *, secret: str) -> str:
    """Name a patient so that only the holder of the secret could name the same one again."""
    return hmac.new(secret.encode(), f"{site}\n{patient_ref}".encode(), hashlib.sha256).hexdigest()


def lines(radiographs: Iterable[SnapshotEntry], *, secret: str) -> str:
    """Write one sorted JSON line per radiograph; the same radiographs always give the same text."""
    rows = (
        {
            "radiograph": radiograph.pixel_sha256,
            "patient": pseudonym(radiograph.site, radiograph.patient_ref, secret=secret),
            "label": radiograph.finding,
            "imported" if radiograph.imported else "reading": str(radiograph.label),
            "source": radiograph.source,
            "view": radiograph.view,
        }
        for radiograph in radiographs
    )
    return "".join(sorted(json.dumps(row, sort_keys=True) + "\n" for row in rows))


def freeze(folder: Path, text: str) -> str:
    """Keep a snapshot in a run's folder and return its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{FILE}.tmp"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / FILE)
    return hashlib.sha256(text.encode()).hexdigest()


def labels(folder: Path, *, sha256: str) -> frozenset[UUID] | None:
    """Name the readings and imported labels of a snapshot; None if none of that SHA-256 was kept."""
    try:
        text = (folder / FILE).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(text).hexdigest() != sha256:
        return None
    rows = map(json.loads, text.splitlines())
    return frozenset(UUID(row.get("reading") or row["imported"]) for row in rows)


def labelled(radiographs: Iterable[SnapshotEntry], *, secret: str) -> tuple[LabelledImage, ...]:
    """Turn radiographs with findings into training examples, in an order that does not depend on the database."""
    ordered = sorted(radiographs, key=lambda radiograph: (radiograph.pixel_sha256, radiograph.label.hex))
    return tuple(
        LabelledImage(
            path=radiograph.path,
            label=radiograph.finding,
            patient=pseudonym(radiograph.site, radiograph.patient_ref, secret=secret),
            source=radiograph.source,
            view=radiograph.view,
        )
        for radiograph in ordered
    )


def counts(parts: Mapping[str, Sequence[LabelledImage]]) -> dict[str, dict[str, dict[str, int]]]:
    """Count cases and patients: part -> finding -> {cases, patients}."""
    return {
        part: {
            label: {
                "cases": sum(radiograph.label == label for radiograph in radiographs),
                "patients": len(
                    {radiograph.patient for radiograph in radiographs if radiograph.label == label}
                ),
            }
            for label in sorted({radiograph.label for radiograph in radiographs})
        }
        for part, radiographs in parts.items()
    }
