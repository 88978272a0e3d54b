"""Split by patient: sets without common patients, stable when cases are added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import pytest

from ml.datasets import hashing, patient_split
from ml.datasets.exclusions import Exclusion
from ml.datasets.image_groups import NearDuplicates
from ml.records import LabelledImage

CLASSES = ("covid-19", "pneumonia", "normal")

MakeRadiographs = Callable[..., list[LabelledImage]]


@pytest.fixture
def make(tmp_path: Path) -> MakeRadiographs:
    """Return a function that writes two radiographs for each of a number of patients of each class."""

    def radiographs(patients: int, classes: tuple[str, ...] = CLASSES, first: int = 0) -> list[LabelledImage]:
        made = []
        for label in classes:
            for number in range(first, first + patients):
                for view in ("a", "b"):
                    path = tmp_path / f"{label}-{number}-{view}.png"
                    path.write_bytes(path.name.encode())  # the split hashes contents and decodes nothing
                    made.append(LabelledImage(path, label, f"{label}-{number}"))
        return made

    return radiographs


def _patients(radiographs: tuple[LabelledImage, ...]) -> set[str]:
    return {radiograph.patient for radiograph in radiographs}


def test_no_patient_is_in_two_sets(make: MakeRadiographs) -> None:
    split = patient_split.split_by_patient(make(30), seed=1)
    sets = [_patients(part) for part in (split.train, split.validation, split.test)]
    assert all(not first & second for first, second in combinations(sets, 2))
    assert sum(map(len, sets)) == 90


def test_every_set_has_every_class(make: MakeRadiographs) -> None:
    split = patient_split.split_by_patient(make(5), seed=1)
    for part in (split.train, split.validation, split.test):
        assert {radiograph.label for radiograph in part} == set(CLASSES)


def test_the_test_set_has_a_fifth_of_the_radiographs(make: MakeRadiographs) -> None:
    split = patient_split.split_by_patient(make(200), seed=1)
    assert len(split.test) / 1200 == pytest.approx(0.2, abs=0.04)


def test_the_test_set_does_not_depend_on_the_seed(make: MakeRadiographs) -> None:
    radiographs = make(30)
    first, second = (patient_split.split_by_patient(radiographs, seed=seed) for seed in (1, 2))
    assert first.test == second.test
    assert first.validation != second.validation


def test_equal_seeds_give_equal_splits_in_any_order(make: MakeRadiographs) -> None:
    radiographs = make(20)
    first = patient_split.split_by_patient(radiographs, seed=3)
    second = patient_split.split_by_patient(radiographs[::-1], seed=3)
    assert _patients(first.validation) == _patients(second.validation)


def test_added_cases_move_no_radiograph_between_training_and_test_set(make: MakeRadiographs) -> None:
    before = patient_split.split_by_patient(make(20), seed=1)
    after = patient_split.split_by_patient(make(60), seed=1)
    assert _patients(before.test) <= _patients(after.test)
    assert not _patients(after.test) & _patients((*before.train, *before.validation))


def _pseudonyms(test: bool) -> Iterator[str]:
    """Yield pseudonyms whose hash is in the test set, or outside it."""
    names = (f"patient-{number}" for number in range(999))
    return (
        name for name in names if (hashing.hash_fraction(name, "test") < patient_split.TEST_SHARE) is test
    )


def _duplicates(*radiographs: LabelledImage) -> NearDuplicates:
    return NearDuplicates(pairs=tuple(combinations((radiograph.path for radiograph in radiographs), 2)))


def test_a_patient_with_a_duplicate_of_a_test_radiograph_is_excluded_and_the_test_set_stays(
    make: MakeRadiographs, tmp_path: Path
) -> None:
    radiographs = make(20)
    before = patient_split.split_by_patient(radiographs, seed=1)
    duplicate, other = tmp_path / "duplicate.png", tmp_path / "other.png"
    duplicate.write_bytes(before.test[0].path.read_bytes())
    other.write_bytes(b"another radiograph of the same patient")
    patient = next(_pseudonyms(test=False))
    added = [LabelledImage(path, before.test[0].label, patient) for path in (duplicate, other)]

    after = patient_split.split_by_patient([*radiographs, *added], seed=1)

    assert after.test == before.test
    assert patient not in _patients((*after.train, *after.validation))
    assert [(each.radiograph.path.name, each.reason) for each in after.exclusions] == [
        ("duplicate.png", patient_split.IN_TEST),
        ("other.png", patient_split.IN_TEST),
    ]


def test_a_training_radiograph_never_moves_to_the_test_set_because_of_a_near_duplicate(
    make: MakeRadiographs, tmp_path: Path
) -> None:
    radiographs = make(20)
    before = patient_split.split_by_patient(radiographs, seed=1)
    trained = before.train[0]
    duplicate = tmp_path / "duplicate.png"
    duplicate.write_bytes(b"the same image in another file")
    added = LabelledImage(duplicate, trained.label, next(_pseudonyms(test=True)))

    after = patient_split.split_by_patient(
        [*radiographs, added], seed=1, near_duplicates=_duplicates(trained, added)
    )

    assert set(after.test) == {*before.test, added}
    assert {each.radiograph for each in after.exclusions} == {
        radiograph for radiograph in radiographs if radiograph.patient == trained.patient
    }


def test_near_duplicates_are_in_the_same_set(make: MakeRadiographs) -> None:
    radiographs = make(30)
    split = patient_split.split_by_patient(radiographs, seed=1)
    chain = [each for each in (*split.train, *split.validation) if each.label == "normal"][::7]
    assert {radiograph in split.validation for radiograph in chain} == {True, False}

    grouped = patient_split.split_by_patient(radiographs, seed=1, near_duplicates=_duplicates(*chain))

    assert len({radiograph in grouped.validation for radiograph in chain}) == 1
    assert grouped.test == split.test


def test_an_image_with_two_findings_is_excluded(make: MakeRadiographs) -> None:
    radiographs = make(30)
    first, second = (
        next(radiograph for radiograph in radiographs if radiograph.label == label)
        for label in ("normal", "covid-19")
    )

    split = patient_split.split_by_patient(radiographs, seed=1, near_duplicates=_duplicates(first, second))

    assert {(each.radiograph, each.reason) for each in split.exclusions} == {
        (first, patient_split.CONTESTED),
        (second, patient_split.CONTESTED),
    }
    assert not {first, second} & {*split.train, *split.validation, *split.test}


def test_an_undecodable_radiograph_is_excluded(make: MakeRadiographs) -> None:
    radiographs = make(20)
    exclusion = Exclusion(radiographs[0], "damaged")
    split = patient_split.split_by_patient(
        radiographs, seed=1, near_duplicates=NearDuplicates(unreadable=(exclusion,))
    )
    assert split.exclusions == (exclusion,)
    assert radiographs[0] not in {*split.train, *split.validation, *split.test}


def test_too_few_patients_are_refused_with_their_counts(make: MakeRadiographs) -> None:
    with pytest.raises(patient_split.TooFewCases, match="covid-19: 4, normal: 4") as raised:
        patient_split.split_by_patient(make(4, ("covid-19", "normal")), seed=1)
    assert raised.value.patients == {"covid-19": 4, "normal": 4}


def test_a_single_class_is_refused(make: MakeRadiographs) -> None:
    with pytest.raises(patient_split.TooFewCases):
        patient_split.split_by_patient(make(50, ("normal",)), seed=1)


def test_a_class_with_too_few_patients_is_excluded(make: MakeRadiographs) -> None:
    radiographs = [*make(10, ("covid-19", "normal")), *make(2, ("pneumonia",))]
    split = patient_split.split_by_patient(radiographs, seed=1)
    assert split.classes == ("covid-19", "normal")
    assert {each.radiograph.label for each in split.exclusions} == {"pneumonia"}
    assert len(split.exclusions) == 4


def test_counts_are_of_radiographs_and_of_patients(make: MakeRadiographs) -> None:
    counts = patient_split.split_by_patient(make(10), seed=1).counts()
    assert sum(counts[part]["normal"]["cases"] for part in counts) == 20
    assert sum(counts[part]["normal"]["patients"] for part in counts) == 10


def test_the_fingerprint_depends_on_labels_but_not_on_order_and_paths(
    make: MakeRadiographs, tmp_path: Path
) -> None:
    radiographs = make(2)
    moved = tmp_path / "moved.png"
    moved.write_bytes(radiographs[0].path.read_bytes())
    same = [*radiographs[1:], LabelledImage(moved, radiographs[0].label, radiographs[0].patient)]
    other = [*radiographs[1:], LabelledImage(moved, "normal", radiographs[0].patient)]
    assert hashing.fingerprint(radiographs) == hashing.fingerprint(same)
    assert hashing.fingerprint(radiographs) != hashing.fingerprint(other)


@pytest.mark.parametrize("finding", ["normal", "rare"])
def test_an_excluded_image_joins_the_patients_who_share_it(
    finding: str, make: MakeRadiographs, tmp_path: Path
) -> None:
    names = [f"person-{number}" for number in range(100)]
    of_test = next(name for name in names if hashing.hash_fraction(name, "test") < patient_split.TEST_SHARE)
    other = next(name for name in names if hashing.hash_fraction(name, "test") >= patient_split.TEST_SHARE)

    def radiograph(name: str, label: str, patient: str) -> LabelledImage:
        path = tmp_path / name
        path.write_bytes(name.encode())
        return LabelledImage(path, label, patient)

    # One person under two references: the same image with two findings, or with one of too few patients.
    shared = (
        radiograph("1", "rare" if finding == "rare" else "covid-19", of_test),
        radiograph("2", finding, other),
    )
    own = radiograph("3", "covid-19", of_test), radiograph("4", "covid-19", other)

    split = patient_split.split_by_patient(
        [*make(20), *shared, *own],
        seed=1,
        near_duplicates=NearDuplicates(((shared[0].path, shared[1].path),)),
    )

    assert own[0] in split.test
    assert Exclusion(own[1], patient_split.IN_TEST) in split.exclusions


def test_patients_whom_the_earlier_network_has_seen_are_not_tested(make: MakeRadiographs) -> None:
    radiographs = make(30)
    before = patient_split.split_by_patient(radiographs, seed=1)
    seen = before.test[0]

    split = patient_split.split_by_patient(
        radiographs, seed=1, trained={seen.path, *(each.path for each in before.train)}
    )

    assert _patients(split.test) == _patients(before.test) - {seen.patient}
    excluded = {each.radiograph.patient for each in split.exclusions if each.reason == patient_split.TRAINED}
    assert excluded == {seen.patient}
