"""Labelled radiographs, parted by patient into what a network learns from, is tuned on and is tested on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.hashing import content_sha256, share_of
from ml.records import LabelledImage

Part = Literal["train", "validation", "test"]

TEST_SHARE: Final = 0.20
VALIDATION_SHARE: Final = 0.15  # of the patients that are not in the test
FEWEST_CLASSES: Final = 2
FEWEST_PATIENTS: Final = 5  # of each class
CONTESTED: Final = "the same picture carries another finding"
IN_TEST: Final = "the patient shares a picture with one of the test set"
ORDER: Final = ("covid-19", "pneumonia", "normal", "other")  # of the classes, whatever order cases come in


class TooFewCases(ValueError):
    """Not enough labelled radiographs to learn from; the message is for a person."""

    def __init__(self, message: str, patients: dict[str, int]) -> None:
        super().__init__(message)
        self.patients = patients  # class -> number of patients found


@dataclass(frozen=True)
class Exclusion:
    """A radiograph that takes no part, and why."""

    radiograph: LabelledImage
    reason: str


@dataclass(frozen=True)
class NearDuplicates:
    """What was seen of radiographs: the pairs that show the same picture, and those that cannot be read."""

    alike: tuple[tuple[Path, Path], ...] = ()
    unreadable: tuple[Exclusion, ...] = ()


NO_DUPLICATES: Final = NearDuplicates()


@dataclass(frozen=True)
class Split:
    """Three sets of radiographs without a patient, or a picture, in common."""

    train: tuple[LabelledImage, ...]
    validation: tuple[LabelledImage, ...]
    test: tuple[LabelledImage, ...]
    left_out: tuple[Exclusion, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Name the classes to learn, in the house's order."""
        return in_order({radiograph.label for radiograph in self.train})

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Count radiographs and patients: part -> class -> {cases, patients}."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: _counts(radiographs) for name, radiographs in parts.items()}


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Sort classes into the house's order; unknown ones follow by name."""
    known = {label: place for place, label in enumerate(ORDER)}
    return tuple(sorted(set(labels), key=lambda label: (known.get(label, len(ORDER)), label)))


def split_by_patient(
    radiographs: Sequence[LabelledImage], *, seed: int, looks: NearDuplicates = NO_DUPLICATES
) -> Split:
    """Part radiographs by patient and by look; raises TooFewCases.

    Whether a patient is in the test set depends on the pseudonym alone, not on the seed nor on who else is
    there, so that no radiograph of the test set is learnt from, nor one learnt from tested on, when cases are
    added. Only where a class would have no patient in the test, the one that comes next by the same rule is
    taken.

    Radiographs with the same content, or that `looks` pairs, are one picture; patients who share one count as one.
    If such patients are on both sides, those of the learning side are left out, since moving them would
    change the test set. A picture with two findings is left out wherever it is: no date tells which holds.
    So are radiographs that `looks` could not read, and a class of fewer than five patients.
    """
    unread = {out.radiograph.path for out in looks.unreadable}
    readable = [radiograph for radiograph in radiographs if radiograph.path not in unread]
    pictures = _pictures(readable, looks)
    agreed, contested = _agreed(readable, pictures)
    kept, too_few = _learnable(agreed)
    groups = _groups(kept, pictures)
    in_test = _test_patients(kept)
    free, barred = _free_groups(groups, in_test)
    in_validation = _validation_groups(list(free), free, seed)

    def part(names: set[str]) -> tuple[LabelledImage, ...]:
        return tuple(radiograph for name in sorted(names) for radiograph in free[name])

    split = Split(
        train=part(set(free) - in_validation),
        validation=part(in_validation),
        test=tuple(
            sorted((f for f in kept if f.patient in in_test), key=lambda radiograph: radiograph.patient)
        ),
        left_out=(*looks.unreadable, *contested, *too_few, *barred),
    )
    _check(split)
    return split


def _counts(radiographs: Sequence[LabelledImage]) -> dict[str, dict[str, int]]:
    patients: dict[str, set[str]] = defaultdict(set)
    for radiograph in radiographs:
        patients[radiograph.label].add(radiograph.patient)
    cases = Counter(radiograph.label for radiograph in radiographs)
    return {label: {"cases": cases[label], "patients": len(patients[label])} for label in in_order(cases)}


def _learnable(radiographs: Sequence[LabelledImage]) -> tuple[list[LabelledImage], tuple[Exclusion, ...]]:
    patients = {label: count["patients"] for label, count in _counts(radiographs).items()}
    enough = {label for label, count in patients.items() if count >= FEWEST_PATIENTS}
    if len(enough) < FEWEST_CLASSES:
        found = ", ".join(f"{label}: {count}" for label, count in patients.items()) or "none"
        raise TooFewCases(
            f"Learning needs at least {FEWEST_CLASSES} findings with radiographs of {FEWEST_PATIENTS} patients "
            f"each. Patients so far: {found}.",
            patients,
        )
    reason = f"fewer than {FEWEST_PATIENTS} patients with this finding"
    left_out = tuple(
        Exclusion(radiograph, reason) for radiograph in radiographs if radiograph.label not in enough
    )
    return [radiograph for radiograph in radiographs if radiograph.label in enough], left_out


def _pictures(radiographs: Sequence[LabelledImage], looks: NearDuplicates) -> dict[Path, str]:
    """Name the picture that each file shows; files that look alike show the same."""
    same = DisjointSets()
    for radiograph in radiographs:
        same.join(str(radiograph.path), f"content {content_sha256(radiograph.path)}")
    for one, other in looks.alike:
        same.join(str(one), str(other))
    return {radiograph.path: same.find(str(radiograph.path)) for radiograph in radiographs}


def _agreed(
    radiographs: Sequence[LabelledImage], pictures: dict[Path, str]
) -> tuple[list[LabelledImage], tuple[Exclusion, ...]]:
    labels: dict[str, set[str]] = defaultdict(set)
    for radiograph in radiographs:
        labels[pictures[radiograph.path]].add(radiograph.label)
    contested = {picture for picture, found in labels.items() if len(found) > 1}
    agreed = [radiograph for radiograph in radiographs if pictures[radiograph.path] not in contested]
    return agreed, tuple(
        Exclusion(radiograph, CONTESTED)
        for radiograph in radiographs
        if pictures[radiograph.path] in contested
    )


def _groups(
    radiographs: Sequence[LabelledImage], pictures: dict[Path, str]
) -> dict[str, list[LabelledImage]]:
    same = DisjointSets()
    owner: dict[str, str] = {}
    for radiograph in radiographs:
        same.join(radiograph.patient, owner.setdefault(pictures[radiograph.path], radiograph.patient))
    groups: dict[str, list[LabelledImage]] = defaultdict(list)
    for radiograph in radiographs:
        groups[same.find(radiograph.patient)].append(radiograph)
    return dict(groups)


def _test_patients(radiographs: Sequence[LabelledImage]) -> set[str]:
    place = {radiograph.patient: share_of(radiograph.patient, "test") for radiograph in radiographs}
    chosen = {patient for patient, share in place.items() if share < TEST_SHARE}
    for label in {radiograph.label for radiograph in radiographs}:
        holders = {radiograph.patient for radiograph in radiographs if radiograph.label == label}
        if not chosen & holders:
            chosen.add(min(holders, key=place.__getitem__))
    return chosen


def _free_groups(
    groups: dict[str, list[LabelledImage]], in_test: set[str]
) -> tuple[dict[str, list[LabelledImage]], list[Exclusion]]:
    """Part the groups into those that may be learnt from and the radiographs that would give the test away."""
    free: dict[str, list[LabelledImage]] = {}
    barred: list[Exclusion] = []
    for name, radiographs in groups.items():
        if not in_test & {radiograph.patient for radiograph in radiographs}:
            free[name] = radiographs
        else:
            barred += [
                Exclusion(radiograph, IN_TEST)
                for radiograph in radiographs
                if radiograph.patient not in in_test
            ]
    return free, barred


def _validation_groups(names: list[str], groups: dict[str, list[LabelledImage]], seed: int) -> set[str]:
    by_label: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        by_label[_label_of(groups[name])].append(name)
    random = np.random.default_rng(seed)
    chosen: set[str] = set()
    for label in in_order(by_label):
        count = max(1, round(VALIDATION_SHARE * len(by_label[label])))
        chosen.update(str(name) for name in random.permutation(by_label[label])[:count])
    return chosen


def _label_of(radiographs: list[LabelledImage]) -> str:
    counts = Counter(radiograph.label for radiograph in radiographs)
    return max(sorted(counts), key=counts.__getitem__)


def _check(split: Split) -> None:
    needed = {radiograph.label for part in (split.train, split.validation, split.test) for radiograph in part}
    for part, radiographs in (("learn from", split.train), ("test on", split.test)):
        if missing := in_order(needed - {radiograph.label for radiograph in radiographs}):
            patients = {label: count["patients"] for label, count in _counts(radiographs).items()}
            raise TooFewCases(
                f"No patient is left to {part} for: {', '.join(missing)}. More patients are needed.", patients
            )
