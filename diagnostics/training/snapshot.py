"""A frozen data set: radiographs, findings and patient pseudonyms under one checksum."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from ml.datasets.exclusions import Exclusion
from ml.records import LabelledImage

FILE: Final = "snapshot.jsonl"
CONFLICTING_LABELS: Final = "conflicting_labels"  # reason of an exclusion


@dataclass(frozen=True)
class SnapshotEntry:
    """One stored radiograph with its signed or imported finding."""

    label: UUID  # of the reading or the imported label
    case: UUID
    imported: bool
    finding: str
    path: Path
    pixel_sha256: str
    site: UUID
    patient_ref: str
    source: str  # the site, or the source stated by an imported collection
    view: str
    # Of the file as it came, not stored in the snapshot: format, bits, colour and device.
    file_tags: tuple[str, ...] = ()


def pseudonym(site: UUID, patient_ref: str, *, secret: str) -> str:
    """Return a keyed digest of a patient of a site; only the holder of the secret can compute it again."""
    return hmac.new(secret.encode(), f"{site}\n{patient_ref}".encode(), hashlib.sha256).hexdigest()


def to_lines(entries: Iterable[SnapshotEntry], *, secret: str) -> str:
    """Return one sorted JSON line for each entry; equal entries give equal text."""
    rows = (
        {
            "radiograph": entry.pixel_sha256,
            "patient": pseudonym(entry.site, entry.patient_ref, secret=secret),
            "label": entry.finding,
            "imported" if entry.imported else "reading": str(entry.label),
            "source": entry.source,
            "view": entry.view,
        }
        for entry in entries
    )
    return "".join(sorted(json.dumps(row, sort_keys=True) + "\n" for row in rows))


def freeze(folder: Path, text: str) -> str:
    """Store a snapshot in a run's folder and return its SHA-256."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f"{FILE}.tmp"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / FILE)
    return hashlib.sha256(text.encode()).hexdigest()


def frozen_labels(folder: Path, *, sha256: str) -> frozenset[UUID] | None:
    """Return the ids of a stored snapshot's readings and imported labels; None without that snapshot."""
    try:
        text = (folder / FILE).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(text).hexdigest() != sha256:
        return None
    rows = map(json.loads, text.splitlines())
    return frozenset(UUID(row.get("reading") or row["imported"]) for row in rows)


def labelled_images(entries: Iterable[SnapshotEntry], *, secret: str) -> tuple[LabelledImage, ...]:
    """Return the entries as training examples, in an order that does not depend on the database."""
    ordered = sorted(entries, key=lambda entry: (entry.pixel_sha256, entry.label.hex))
    return tuple(
        LabelledImage(
            path=entry.path,
            label=entry.finding,
            patient=pseudonym(entry.site, entry.patient_ref, secret=secret),
            source=entry.source,
            view=entry.view,
        )
        for entry in ordered
    )


def exclusion_counts(
    exclusions: Sequence[Exclusion], *, missing: int, conflicting: dict[str, int]
) -> dict[str, dict[str, int]]:
    """Count the excluded radiographs: reason -> {cases, patients}.

    `conflicting` counts those whose imported labels conflict, which are in no snapshot.
    """
    cases = Counter(exclusion.reason for exclusion in exclusions)
    counts = {
        reason: {
            "cases": number,
            "patients": len(
                {exclusion.radiograph.patient for exclusion in exclusions if exclusion.reason == reason}
            ),
        }
        for reason, number in cases.items()
    }
    # The patients of missing radiographs are not counted: the snapshot does not contain them.
    absent = {"radiograph_missing": {"cases": missing, "patients": 0}, CONFLICTING_LABELS: conflicting}
    return counts | {reason: count for reason, count in absent.items() if count["cases"]}
