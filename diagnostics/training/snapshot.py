"""A frozen data set: which films, which findings, whose pseudonyms, under one checksum."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from ml.records import LabelledFilm

FILE: Final = "snapshot.jsonl"


@dataclass(frozen=True)
class FilmWithFinding:
    """One film with its signed or imported finding, as the hospital keeps it."""

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


def lines(films: Iterable[FilmWithFinding], *, secret: str) -> str:
    """Write one sorted JSON line per film; the same films always give the same text."""
    rows = (
        {
            "film": film.pixel_sha256,
            "patient": pseudonym(film.site, film.patient_ref, secret=secret),
            "label": film.finding,
            "imported" if film.imported else "reading": str(film.label),
            "source": film.source,
            "view": film.view,
        }
        for film in films
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


def labelled(films: Iterable[FilmWithFinding], *, secret: str) -> tuple[LabelledFilm, ...]:
    """Turn films with findings into training examples, in an order that does not depend on the database."""
    ordered = sorted(films, key=lambda film: (film.pixel_sha256, film.label.hex))
    return tuple(
        LabelledFilm(
            path=film.path,
            label=film.finding,
            patient=pseudonym(film.site, film.patient_ref, secret=secret),
            source=film.source,
            view=film.view,
        )
        for film in ordered
    )


def counts(parts: Mapping[str, Sequence[LabelledFilm]]) -> dict[str, dict[str, dict[str, int]]]:
    """Count cases and patients: part -> finding -> {cases, patients}."""
    return {
        part: {
            label: {
                "cases": sum(film.label == label for film in films),
                "patients": len({film.patient for film in films if film.label == label}),
            }
            for label in sorted({film.label for film in films})
        }
        for part, films in parts.items()
    }
