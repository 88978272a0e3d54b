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
class SignedFilm:
    """One film with its signed finding, as the hospital keeps it."""

    reading: UUID
    finding: str
    path: Path
    pixel_sha256: str
    site: UUID
    patient_ref: str
    view: str


def pseudonym(site: UUID, patient_ref: str, *, secret: str) -> str:
    """Name a patient so that only the holder of the secret could name the same one again."""
    return hmac.new(secret.encode(), f"{site}\n{patient_ref}".encode(), hashlib.sha256).hexdigest()


def lines(films: Iterable[SignedFilm], *, secret: str) -> str:
    """Write one sorted JSON line per film; the same films always give the same text."""
    rows = (
        {
            "film": film.pixel_sha256,
            "patient": pseudonym(film.site, film.patient_ref, secret=secret),
            "label": film.finding,
            "reading": str(film.reading),
            "source": str(film.site),
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


def readings(folder: Path, *, sha256: str) -> frozenset[UUID] | None:
    """Name the readings of a snapshot kept before; None if there is none of that SHA-256."""
    try:
        text = (folder / FILE).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(text).hexdigest() != sha256:
        return None
    return frozenset(UUID(json.loads(line)["reading"]) for line in text.splitlines())


def labelled(films: Iterable[SignedFilm], *, secret: str) -> tuple[LabelledFilm, ...]:
    """Turn signed films into training examples, in an order that does not depend on the database."""
    ordered = sorted(films, key=lambda film: (film.pixel_sha256, film.reading.hex))
    return tuple(
        LabelledFilm(
            path=film.path,
            label=film.finding,
            patient=pseudonym(film.site, film.patient_ref, secret=secret),
            source=str(film.site),
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
