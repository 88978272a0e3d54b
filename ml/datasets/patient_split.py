"""Split of labelled radiographs by patient into training, validation and test set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Final

import numpy as np

from ml.datasets.class_order import sort_classes
from ml.datasets.exclusions import Exclusion
from ml.datasets.hashing import hash_fraction
from ml.datasets.image_groups import (
    NO_DUPLICATES,
    NearDuplicates,
    contested_images,
    image_ids,
    patient_groups,
)
from ml.records import LabelledImage

TEST_SHARE: Final = 0.20
VALIDATION_SHARE: Final = 0.15  # of the patients who are not in the test set
MIN_CLASSES: Final = 2
MIN_PATIENTS: Final = 5  # of each class
CONTESTED: Final = "the same image has another finding"
TRAINED: Final = "the network that the training starts from has seen this patient"
IN_TEST: Final = "the patient shares an image with a test patient"


class TooFewCases(ValueError):
    """Raised for too few labelled radiographs; the message may be shown to a user."""

    def __init__(self, message: str, patients: dict[str, int]) -> None:
        super().__init__(message)
        self.patients = patients  # class -> number of patients found


@dataclass(frozen=True)
class Split:
    """Three sets of radiographs that share neither a patient nor an image."""

    train: tuple[LabelledImage, ...]
    validation: tuple[LabelledImage, ...]
    test: tuple[LabelledImage, ...]
    exclusions: tuple[Exclusion, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the classes of the training set in CLASS_ORDER."""
        return sort_classes(radiograph.label for radiograph in self.train)

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Count radiographs and patients: set -> class -> {cases, patients}."""
        sets = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: _counts(radiographs) for name, radiographs in sets.items()}


def split_by_patient(
    radiographs: Sequence[LabelledImage],
    *,
    seed: int,
    near_duplicates: NearDuplicates = NO_DUPLICATES,
    trained: Collection[Path] = (),
) -> Split:
    """Split radiographs by patient and by image; raises TooFewCases.

    Whether a patient is in the test set depends on a hash of the pseudonym alone, not on the seed or the
    other patients. So no test radiograph becomes a training radiograph, or the reverse, when cases are added.
    Only a class without any test patient gets the patient with the next smallest hash.

    Radiographs with equal content, and near-duplicates, are one image; patients who share an image are one
    group. Groups with a patient in the test set lose their other patients, because moving those would change
    the test set. A test patient is excluded of whom the network to start from has seen an image (`trained`:
    their paths). Also excluded: images with two findings (no date shows which is valid), undecodable files,
    and classes with fewer than five patients.
    """
    unreadable = {exclusion.radiograph.path for exclusion in near_duplicates.unreadable}
    readable = [radiograph for radiograph in radiographs if radiograph.path not in unreadable]
    images = image_ids(readable, near_duplicates.pairs)
    uncontested, contested = _without_contested_images(readable, images)
    eligible, rare = _without_rare_classes(uncontested)
    test_patients = _test_patients(eligible)
    groups = _restricted(patient_groups(readable, images), to=eligible)
    groups, test_relatives = _without_test_groups(groups, test_patients)
    validation = _validation_groups(groups, seed)
    tested = [each for each in eligible if each.patient in test_patients]
    test, known = _without_patients(tested, _patients_of(trained, readable, images))
    split = Split(
        train=_in_groups(groups, set(groups) - validation),
        validation=_in_groups(groups, validation),
        test=tuple(sorted(test, key=attrgetter("patient"))),
        exclusions=(*near_duplicates.unreadable, *contested, *rare, *test_relatives, *known),
    )
    _check_classes(split)
    return split


def _without_contested_images(
    radiographs: Sequence[LabelledImage], images: dict[Path, str]
) -> tuple[list[LabelledImage], list[Exclusion]]:
    contested = contested_images(radiographs, images)
    kept = [each for each in radiographs if images[each.path] not in contested]
    return kept, [Exclusion(each, CONTESTED) for each in radiographs if images[each.path] in contested]


def _without_patients(
    radiographs: Sequence[LabelledImage], seen: set[str]
) -> tuple[list[LabelledImage], list[Exclusion]]:
    kept = [each for each in radiographs if each.patient not in seen]
    return kept, [Exclusion(each, TRAINED) for each in radiographs if each.patient in seen]


def _patients_of(
    paths: Collection[Path], radiographs: Iterable[LabelledImage], images: Mapping[Path, str]
) -> set[str]:
    """Return the patients of the images at these paths; a duplicate is the same image."""
    of_paths = {images[path] for path in paths if path in images}
    return {each.patient for each in radiographs if images[each.path] in of_paths}


def _restricted(
    groups: dict[str, list[LabelledImage]], *, to: list[LabelledImage]
) -> dict[str, list[LabelledImage]]:
    """Drop other radiographs from groups: also an excluded image joins the patients who share it."""
    kept = {radiograph.path for radiograph in to}
    restricted = {
        name: [each for each in radiographs if each.path in kept] for name, radiographs in groups.items()
    }
    return {name: radiographs for name, radiographs in restricted.items() if radiographs}


def _counts(radiographs: Sequence[LabelledImage]) -> dict[str, dict[str, int]]:
    patients: dict[str, set[str]] = defaultdict(set)
    for radiograph in radiographs:
        patients[radiograph.label].add(radiograph.patient)
    cases = Counter(radiograph.label for radiograph in radiographs)
    return {label: {"cases": cases[label], "patients": len(patients[label])} for label in sort_classes(cases)}


def _without_rare_classes(
    radiographs: Sequence[LabelledImage],
) -> tuple[list[LabelledImage], tuple[Exclusion, ...]]:
    patients = {label: count["patients"] for label, count in _counts(radiographs).items()}
    enough = {label for label, count in patients.items() if count >= MIN_PATIENTS}
    if len(enough) < MIN_CLASSES:
        counts = ", ".join(f"{label}: {count}" for label, count in patients.items()) or "none"
        raise TooFewCases(
            f"Training needs at least {MIN_CLASSES} findings with radiographs of "
            f"{MIN_PATIENTS} patients each. Patients so far: {counts}.",
            patients,
        )
    reason = f"fewer than {MIN_PATIENTS} patients with this finding"
    rare = tuple(
        Exclusion(radiograph, reason) for radiograph in radiographs if radiograph.label not in enough
    )
    return [radiograph for radiograph in radiographs if radiograph.label in enough], rare


def _test_patients(radiographs: Sequence[LabelledImage]) -> set[str]:
    fractions = {radiograph.patient: hash_fraction(radiograph.patient, "test") for radiograph in radiographs}
    selected = {patient for patient, fraction in fractions.items() if fraction < TEST_SHARE}
    for label in {radiograph.label for radiograph in radiographs}:
        with_label = {radiograph.patient for radiograph in radiographs if radiograph.label == label}
        if not selected & with_label:
            selected.add(min(with_label, key=fractions.__getitem__))
    return selected


def _without_test_groups(
    groups: dict[str, list[LabelledImage]], test_patients: set[str]
) -> tuple[dict[str, list[LabelledImage]], list[Exclusion]]:
    """Return the groups without a test patient, and the exclusions from the other groups."""
    independent: dict[str, list[LabelledImage]] = {}
    excluded: list[Exclusion] = []
    for name, radiographs in groups.items():
        if not test_patients & {radiograph.patient for radiograph in radiographs}:
            independent[name] = radiographs
        else:
            others = [each for each in radiographs if each.patient not in test_patients]
            excluded += [Exclusion(radiograph, IN_TEST) for radiograph in others]
    return independent, excluded


def _validation_groups(groups: dict[str, list[LabelledImage]], seed: int) -> set[str]:
    by_label: dict[str, list[str]] = defaultdict(list)
    for name in sorted(groups):
        by_label[_commonest_label(groups[name])].append(name)
    random = np.random.default_rng(seed)
    selected: set[str] = set()
    for label in sort_classes(by_label):
        count = max(1, round(VALIDATION_SHARE * len(by_label[label])))
        selected.update(str(name) for name in random.permutation(by_label[label])[:count])
    return selected


def _commonest_label(radiographs: list[LabelledImage]) -> str:
    counts = Counter(radiograph.label for radiograph in radiographs)
    return max(sorted(counts), key=counts.__getitem__)


def _in_groups(groups: dict[str, list[LabelledImage]], names: set[str]) -> tuple[LabelledImage, ...]:
    return tuple(radiograph for name in sorted(names) for radiograph in groups[name])


def _check_classes(split: Split) -> None:
    sets = (split.train, split.validation, split.test)
    needed = {radiograph.label for part in sets for radiograph in part}
    for name, radiographs in (("training", split.train), ("test", split.test)):
        if missing := sort_classes(needed - {radiograph.label for radiograph in radiographs}):
            patients = {label: count["patients"] for label, count in _counts(radiographs).items()}
            raise TooFewCases(
                f"No patient remains in the {name} set for: {', '.join(missing)}. More patients are needed.",
                patients,
            )
