"""What an importer is asked, what it answers, and why it leaves radiographs out."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from ml.records import LabelledImage

MOST_EXAMPLES: Final = 5


class UnreadableCollection(ValueError):
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
    Reason.MASK: "A mask, not a radiograph.",
}


@dataclass(frozen=True)
class ExcludedFiles:
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
    patients: str  # how it is known which radiographs are of one patient


@dataclass(frozen=True)
class Imported:
    """What a collection holds; not one radiograph has been decoded yet."""

    radiographs: tuple[LabelledImage, ...]
    left_out: Mapping[Reason, ExcludedFiles]
    provenance: Provenance
    masks: Mapping[Path, Path]  # a radiograph -> the mask of its lungs, where the collection has one

    def counts(self) -> dict[str, int]:
        """Count what was left out: the reason's code -> files or rows."""
        return {reason.value: aside.count for reason, aside in self.left_out.items()}


def digest(text: str) -> str:
    """Stand for a name that may be a hospital's; give Options a keyed one where secrecy matters."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Options:
    """What the caller may wish."""

    all_views: bool = False  # also lateral radiographs and those whose view is not given
    cohen: Path | None = None  # Cohen's collection, which knows the patients of DarkCovidNet's COVID-19
    unpack_into: Path | None = None  # an existing folder; needed for a ZIP, and removed by the caller
    name: str = ""  # of a collection that has none of its own; otherwise its folder's
    pseudonym: Callable[[str], str] = digest  # of a patient or a file whose name may be a hospital's


DEFAULTS: Final = Options()


class Gathering:
    """Radiographs and reasons while a collection is read."""

    def __init__(self) -> None:
        self._radiographs: dict[Path, LabelledImage] = {}
        self._masks: dict[Path, Path] = {}
        self._contradicted: set[Path] = set()
        self._examples: dict[Reason, list[str]] = defaultdict(list)
        self._details: dict[Reason, Counter[str]] = defaultdict(Counter)

    def take(self, radiograph: LabelledImage, mask: Path | None = None) -> None:
        """Keep a radiograph; one that is listed again is kept once, and not at all if its findings differ."""
        known = self._radiographs.get(radiograph.path)
        if radiograph.path in self._contradicted:
            self.leave(Reason.TWO_FINDINGS, radiograph.path.name)
        elif known is None:
            self._radiographs[radiograph.path] = radiograph
            if mask is not None:
                self._masks[radiograph.path] = mask
        elif known.label == radiograph.label:
            self.leave(Reason.LISTED_TWICE, radiograph.path.name)
        else:
            self._contradicted.add(radiograph.path)
            del self._radiographs[radiograph.path]
            self._masks.pop(radiograph.path, None)
            self.leave(Reason.TWO_FINDINGS, radiograph.path.name)
            self.leave(Reason.TWO_FINDINGS, radiograph.path.name)  # both rows take no part

    def leave(self, reason: Reason, name: str, detail: str = "") -> None:
        """Count one that takes no part."""
        self._details[reason][detail] += 1
        if len(self._examples[reason]) < MOST_EXAMPLES and name not in self._examples[reason]:
            self._examples[reason].append(name)

    def done(self, provenance: Provenance) -> Imported:
        """Close the books."""
        left = {
            reason: ExcludedFiles(
                details.total(),
                tuple(self._examples[reason]),
                {detail: count for detail, count in details.most_common() if detail},
            )
            for reason, details in self._details.items()
        }
        return Imported(tuple(self._radiographs.values()), left, provenance, dict(self._masks))
