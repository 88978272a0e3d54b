"""Types of the importers: options, the labelled collection they return, and the reasons for exclusion."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from ml.records import LabelledImage

MAX_EXAMPLES: Final = 5
SEPARATE_PATIENTS: Final = "Unknown: each radiograph counts as a separate patient."


class UnreadableCollection(ValueError):
    """The path cannot be imported; `code` is stable, the message is shown to the user."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Reason(Enum):
    """Reason for the exclusion of a file or row; the value is a stable code."""

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


@dataclass(frozen=True)
class ExcludedFiles:
    """Files or rows excluded for one reason."""

    count: int
    examples: tuple[str, ...]  # file names, at most five
    details: Mapping[str, int]  # text in the collection, such as the unknown finding -> count


@dataclass(frozen=True)
class Provenance:
    """Origin and licence of a collection."""

    name: str
    citation: str
    licence: str
    patients: str  # how the patient of a radiograph is determined


@dataclass(frozen=True)
class LabelledCollection:
    """The radiographs of a collection, not decoded yet, and what was excluded."""

    radiographs: tuple[LabelledImage, ...]
    excluded: Mapping[Reason, ExcludedFiles]
    provenance: Provenance
    masks: Mapping[Path, Path]  # radiograph -> lung mask, where the collection has one

    def excluded_counts(self) -> dict[str, int]:
        """Return the number of excluded files or rows by reason code."""
        return {reason.value: files.count for reason, files in self.excluded.items()}


def digest(text: str) -> str:
    """Return an unkeyed pseudonym of a name; pass a keyed function in ReadOptions where secrecy matters."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading a collection."""

    all_views: bool = False  # include lateral radiographs and those without a given view
    cohen: Path | None = None  # Cohen's collection, which has the patients of DarkCovidNet's COVID-19
    unpack_into: Path | None = None  # an existing folder, required for a ZIP; the caller removes it
    name: str = ""  # of a collection without a name of its own; default: the folder's name
    pseudonym: Callable[[str], str] = digest  # of patient and file names, which may identify a person


DEFAULTS: Final = ReadOptions()


class CollectionBuilder:
    """Collects radiographs and exclusions while a collection is read."""

    def __init__(self) -> None:
        self._radiographs: dict[Path, LabelledImage] = {}
        self._masks: dict[Path, Path] = {}
        self._contradictory: set[Path] = set()
        self._examples: dict[Reason, list[str]] = defaultdict(list)
        self._details: dict[Reason, Counter[str]] = defaultdict(Counter)

    def add(self, radiograph: LabelledImage, mask: Path | None = None) -> None:
        """Add a radiograph once; exclude it if it is listed again with another finding."""
        known = self._radiographs.get(radiograph.path)
        if radiograph.path in self._contradictory:
            self.exclude(Reason.TWO_FINDINGS, radiograph.path.name)
        elif known is None:
            self._radiographs[radiograph.path] = radiograph
            if mask is not None:
                self._masks[radiograph.path] = mask
        elif known.label == radiograph.label:
            self.exclude(Reason.LISTED_TWICE, radiograph.path.name)
        else:
            self._exclude_contradictory(radiograph.path)

    def exclude(self, reason: Reason, name: str, detail: str = "") -> None:
        """Count an excluded file or row."""
        self._details[reason][detail] += 1
        if len(self._examples[reason]) < MAX_EXAMPLES and name not in self._examples[reason]:
            self._examples[reason].append(name)

    def build(self, provenance: Provenance) -> LabelledCollection:
        """Return the collection."""
        excluded = {
            reason: ExcludedFiles(
                details.total(),
                tuple(self._examples[reason]),
                {detail: count for detail, count in details.most_common() if detail},
            )
            for reason, details in self._details.items()
        }
        return LabelledCollection(tuple(self._radiographs.values()), excluded, provenance, dict(self._masks))

    def _exclude_contradictory(self, path: Path) -> None:
        self._contradictory.add(path)
        del self._radiographs[path]
        self._masks.pop(path, None)
        for _row in range(2):  # both rows are excluded
            self.exclude(Reason.TWO_FINDINGS, path.name)
