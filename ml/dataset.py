"""Labelled films, parted by patient into what a network learns from, is tuned on and is tested on."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ml.records import LabelledFilm

Part = Literal["train", "validation", "test"]

TEST_SHARE: Final = 0.20
VALIDATION_SHARE: Final = 0.15  # of the patients that are not in the test
FEWEST_CLASSES: Final = 2
FEWEST_PATIENTS: Final = 5  # of each class
CONTESTED: Final = "the same picture carries another finding"
IN_TEST: Final = "the patient shares a picture with one of the test set"
ORDER: Final = ("covid-19", "pneumonia", "normal", "other")  # of the classes, whatever order cases come in


class TooFewCases(ValueError):
    """Not enough labelled films to learn from; the message is for a person."""

    def __init__(self, message: str, patients: dict[str, int]) -> None:
        super().__init__(message)
        self.patients = patients  # class -> number of patients found


@dataclass(frozen=True)
class LeftOut:
    """A film that takes no part, and why."""

    film: LabelledFilm
    reason: str


@dataclass(frozen=True)
class Looks:
    """What was seen of films: the pairs that show the same picture, and those that cannot be read."""

    alike: tuple[tuple[Path, Path], ...] = ()
    unreadable: tuple[LeftOut, ...] = ()


UNSEEN: Final = Looks()


@dataclass(frozen=True)
class Split:
    """Three sets of films without a patient, or a picture, in common."""

    train: tuple[LabelledFilm, ...]
    validation: tuple[LabelledFilm, ...]
    test: tuple[LabelledFilm, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Name the classes to learn, in the house's order."""
        return in_order({film.label for film in self.train})

    def counts(self) -> dict[str, dict[str, dict[str, int]]]:
        """Count films and patients: part -> class -> {cases, patients}."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: _counts(films) for name, films in parts.items()}


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Sort classes into the house's order; unknown ones follow by name."""
    known = {label: place for place, label in enumerate(ORDER)}
    return tuple(sorted(set(labels), key=lambda label: (known.get(label, len(ORDER)), label)))


def split_by_patient(films: Sequence[LabelledFilm], *, seed: int, looks: Looks = UNSEEN) -> Split:
    """Part films by patient and by look; raises TooFewCases.

    Whether a patient is in the test set depends on the pseudonym alone, not on the seed nor on who else is
    there, so that no film of the test set is learnt from, nor one learnt from tested on, when cases are
    added. Only where a class would have no patient in the test, the one that comes next by the same rule is
    taken.

    Films with the same content, or that `looks` pairs, are one picture; patients who share one count as one.
    If such patients are on both sides, those of the learning side are left out, since moving them would
    change the test set. A picture with two findings is left out wherever it is: no date tells which holds.
    So are films that `looks` could not read, and a class of fewer than five patients.
    """
    unread = {out.film.path for out in looks.unreadable}
    readable = [film for film in films if film.path not in unread]
    pictures = _pictures(readable, looks)
    agreed, contested = _agreed(readable, pictures)
    kept, too_few = _learnable(agreed)
    groups = _groups(kept, pictures)
    in_test = _test_patients(kept)
    free, barred = _free_groups(groups, in_test)
    in_validation = _validation_groups(list(free), free, seed)

    def part(names: set[str]) -> tuple[LabelledFilm, ...]:
        return tuple(film for name in sorted(names) for film in free[name])

    split = Split(
        train=part(set(free) - in_validation),
        validation=part(in_validation),
        test=tuple(sorted((f for f in kept if f.patient in in_test), key=lambda film: film.patient)),
        left_out=(*looks.unreadable, *contested, *too_few, *barred),
    )
    _check(split)
    return split


def fingerprint(films: Iterable[LabelledFilm]) -> str:
    """Name a set of films by content, label and patient (SHA-256); their order and paths do not matter."""
    lines = sorted(f"{content_sha256(film.path)} {film.label} {film.patient}" for film in films)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def content_sha256(path: Path) -> str:
    """Hash a file's content; of one that cannot be read, its name."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return hashlib.sha256(f"unreadable {path.name}".encode()).hexdigest()


def share_of(name: str, purpose: str) -> float:
    """Give a name its fixed place in 0 to 1, evenly spread and different for each purpose."""
    return int(hashlib.sha256(f"{purpose}:{name}".encode()).hexdigest()[:8], 16) / 2**32


class Union:
    """Disjoint sets of names that grow together (union-find)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        """Return the name that stands for the whole set; always its smallest."""
        self._parent.setdefault(name, name)
        while (parent := self._parent[name]) != name:
            self._parent[name] = self._parent[parent]
            name = parent
        return name

    def join(self, one: str, other: str) -> None:
        """Make one set of two."""
        small, large = sorted((self.find(one), self.find(other)))
        self._parent[large] = small


def _counts(films: Sequence[LabelledFilm]) -> dict[str, dict[str, int]]:
    patients: dict[str, set[str]] = defaultdict(set)
    for film in films:
        patients[film.label].add(film.patient)
    cases = Counter(film.label for film in films)
    return {label: {"cases": cases[label], "patients": len(patients[label])} for label in in_order(cases)}


def _learnable(films: Sequence[LabelledFilm]) -> tuple[list[LabelledFilm], tuple[LeftOut, ...]]:
    patients = {label: count["patients"] for label, count in _counts(films).items()}
    enough = {label for label, count in patients.items() if count >= FEWEST_PATIENTS}
    if len(enough) < FEWEST_CLASSES:
        found = ", ".join(f"{label}: {count}" for label, count in patients.items()) or "none"
        raise TooFewCases(
            f"Learning needs at least {FEWEST_CLASSES} findings with films of {FEWEST_PATIENTS} patients "
            f"each. Patients so far: {found}.",
            patients,
        )
    reason = f"fewer than {FEWEST_PATIENTS} patients with this finding"
    left_out = tuple(LeftOut(film, reason) for film in films if film.label not in enough)
    return [film for film in films if film.label in enough], left_out


def _pictures(films: Sequence[LabelledFilm], looks: Looks) -> dict[Path, str]:
    """Name the picture that each file shows; files that look alike show the same."""
    same = Union()
    for film in films:
        same.join(str(film.path), f"content {content_sha256(film.path)}")
    for one, other in looks.alike:
        same.join(str(one), str(other))
    return {film.path: same.find(str(film.path)) for film in films}


def _agreed(
    films: Sequence[LabelledFilm], pictures: dict[Path, str]
) -> tuple[list[LabelledFilm], tuple[LeftOut, ...]]:
    labels: dict[str, set[str]] = defaultdict(set)
    for film in films:
        labels[pictures[film.path]].add(film.label)
    contested = {picture for picture, found in labels.items() if len(found) > 1}
    agreed = [film for film in films if pictures[film.path] not in contested]
    return agreed, tuple(LeftOut(film, CONTESTED) for film in films if pictures[film.path] in contested)


def _groups(films: Sequence[LabelledFilm], pictures: dict[Path, str]) -> dict[str, list[LabelledFilm]]:
    same = Union()
    owner: dict[str, str] = {}
    for film in films:
        same.join(film.patient, owner.setdefault(pictures[film.path], film.patient))
    groups: dict[str, list[LabelledFilm]] = defaultdict(list)
    for film in films:
        groups[same.find(film.patient)].append(film)
    return dict(groups)


def _test_patients(films: Sequence[LabelledFilm]) -> set[str]:
    place = {film.patient: share_of(film.patient, "test") for film in films}
    chosen = {patient for patient, share in place.items() if share < TEST_SHARE}
    for label in {film.label for film in films}:
        holders = {film.patient for film in films if film.label == label}
        if not chosen & holders:
            chosen.add(min(holders, key=place.__getitem__))
    return chosen


def _free_groups(
    groups: dict[str, list[LabelledFilm]], in_test: set[str]
) -> tuple[dict[str, list[LabelledFilm]], list[LeftOut]]:
    """Part the groups into those that may be learnt from and the films that would give the test away."""
    free: dict[str, list[LabelledFilm]] = {}
    barred: list[LeftOut] = []
    for name, films in groups.items():
        if not in_test & {film.patient for film in films}:
            free[name] = films
        else:
            barred += [LeftOut(film, IN_TEST) for film in films if film.patient not in in_test]
    return free, barred


def _validation_groups(names: list[str], groups: dict[str, list[LabelledFilm]], seed: int) -> set[str]:
    by_label: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        by_label[_label_of(groups[name])].append(name)
    random = np.random.default_rng(seed)
    chosen: set[str] = set()
    for label in in_order(by_label):
        count = max(1, round(VALIDATION_SHARE * len(by_label[label])))
        chosen.update(str(name) for name in random.permutation(by_label[label])[:count])
    return chosen


def _label_of(films: list[LabelledFilm]) -> str:
    counts = Counter(film.label for film in films)
    return max(sorted(counts), key=counts.__getitem__)


def _check(split: Split) -> None:
    needed = {film.label for part in (split.train, split.validation, split.test) for film in part}
    for part, films in (("learn from", split.train), ("test on", split.test)):
        if missing := in_order(needed - {film.label for film in films}):
            patients = {label: count["patients"] for label, count in _counts(films).items()}
            raise TooFewCases(
                f"No patient is left to {part} for: {', '.join(missing)}. More patients are needed.", patients
            )
