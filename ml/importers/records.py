"""What an importer is asked, what it answers, and why it leaves films out."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from ml.records import LabelledFilm

MOST_EXAMPLES: Final = 5


class ImportRefused(ValueError):
    """Nothing can be imported from this path; `code` is stable, the message is for a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Reason(Enum):
    """Why a file or a row takes no part; the value is stable, SENTENCES are for a person."""

    NOT_AN_IMAGE = "not-an-image"
    NOT_AN_XRAY = "not-an-x-ray"
    LATERAL = "lateral"
    VIEW_NOT_GIVEN = "view-not-given"
    FINDING_NOT_GIVEN = "finding-not-given"
    FINDING_NOT_KNOWN = "finding-not-known"
    TWO_FINDINGS = "two-findings"
    LISTED_TWICE = "listed-twice"
    FILE_MISSING = "file-missing"
    OUTSIDE = "outside"
    MASK = "mask"


SENTENCES: Final = {
    Reason.NOT_AN_IMAGE: "Not a PNG, JPEG or DICOM file.",
    Reason.NOT_AN_XRAY: "Not an X-ray.",
    Reason.LATERAL: "A lateral view.",
    Reason.VIEW_NOT_GIVEN: "An X-ray whose view is not given.",
    Reason.FINDING_NOT_GIVEN: "The finding is not given.",
    Reason.FINDING_NOT_KNOWN: "The finding is none that can be learnt.",
    Reason.TWO_FINDINGS: "Listed more than once, with different findings.",
    Reason.LISTED_TWICE: "Listed more than once; taken once.",
    Reason.FILE_MISSING: "Listed, but the file is not there.",
    Reason.OUTSIDE: "The path leads out of the collection, or is a link.",
    Reason.MASK: "A mask, not a film.",
}


@dataclass(frozen=True)
class LeftAside:
    """How many were left out for one reason."""

    count: int
    examples: tuple[str, ...]  # file names, five at most
    details: Mapping[str, int]  # what exactly, as the collection says it -> count


@dataclass(frozen=True)
class Provenance:
    """Where a collection comes from, and what may be done with it."""

    name: str
    citation: str
    licence: str
    patients: str  # how it is known which films are of one patient


@dataclass(frozen=True)
class Imported:
    """What a collection holds; not one film has been decoded yet."""

    films: tuple[LabelledFilm, ...]
    left_out: Mapping[Reason, LeftAside]
    provenance: Provenance
    masks: Mapping[Path, Path]  # a film -> the mask of its lungs, where the collection has one

    def counts(self) -> dict[str, int]:
        """Count what was left out: the reason's code -> files or rows."""
        return {reason.value: aside.count for reason, aside in self.left_out.items()}


def digest(text: str) -> str:
    """Stand for a name that may be a hospital's; give Options a keyed one where secrecy matters."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Options:
    """What the caller may wish."""

    all_views: bool = False  # also lateral films and those whose view is not given
    cohen: Path | None = None  # Cohen's collection, which knows the patients of DarkCovidNet's COVID-19
    unpack_into: Path | None = None  # an existing folder; needed for a ZIP, and removed by the caller
    name: str = ""  # of a collection that has none of its own; otherwise its folder's
    pseudonym: Callable[[str], str] = digest  # of a patient or a file whose name may be a hospital's


DEFAULTS: Final = Options()


class Gathering:
    """Films and reasons while a collection is read."""

    def __init__(self) -> None:
        self._films: dict[Path, LabelledFilm] = {}
        self._masks: dict[Path, Path] = {}
        self._contradicted: set[Path] = set()
        self._examples: dict[Reason, list[str]] = defaultdict(list)
        self._details: dict[Reason, Counter[str]] = defaultdict(Counter)

    def take(self, film: LabelledFilm, mask: Path | None = None) -> None:
        """Keep a film; one that is listed again is kept once, and not at all if its findings differ."""
        known = self._films.get(film.path)
        if film.path in self._contradicted:
            self.leave(Reason.TWO_FINDINGS, film.path.name)
        elif known is None:
            self._films[film.path] = film
            if mask is not None:
                self._masks[film.path] = mask
        elif known.label == film.label:
            self.leave(Reason.LISTED_TWICE, film.path.name)
        else:
            self._contradicted.add(film.path)
            del self._films[film.path]
            self._masks.pop(film.path, None)
            self.leave(Reason.TWO_FINDINGS, film.path.name)
            self.leave(Reason.TWO_FINDINGS, film.path.name)  # both rows take no part

    def leave(self, reason: Reason, name: str, detail: str = "") -> None:
        """Count one that takes no part."""
        self._details[reason][detail] += 1
        if len(self._examples[reason]) < MOST_EXAMPLES and name not in self._examples[reason]:
            self._examples[reason].append(name)

    def done(self, provenance: Provenance) -> Imported:
        """Close the books."""
        left = {
            reason: LeftAside(
                details.total(),
                tuple(self._examples[reason]),
                {detail: count for detail, count in details.most_common() if detail},
            )
            for reason, details in self._details.items()
        }
        return Imported(tuple(self._films.values()), left, provenance, dict(self._masks))
