"""Radiographs are parted by patient, the same way each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.datasets import hashing, patient_split
from ml.datasets.augmentation import augment
from ml.datasets.batches import AugmentedImages, Sampler, class_weights, load, sampling_weights
from ml.datasets.near_duplicates import find_near_duplicates
from ml.images.perceptual_hash import SAME_IMAGE, distances, perceptual_hash
from ml.recipes import RECIPES, Balance
from ml.records import LabelledImage, Preprocessing
from tests.radiographs import radiograph_grey, radiograph_png

CLASSES = ("covid-19", "pneumonia", "normal")

Ward = Callable[..., list[LabelledImage]]


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    """Give radiographs of made-up patients: so many of each class, two radiographs each."""

    def radiographs(patients: int, classes: tuple[str, ...] = CLASSES, first: int = 0) -> list[LabelledImage]:
        made = []
        for label in classes:
            for number in range(first, first + patients):
                for view in ("a", "b"):
                    path = tmp_path / f"{label}-{number}-{view}.png"
                    path.write_bytes(path.name.encode())  # parting needs contents, not pictures
                    made.append(LabelledImage(path, label, f"{label}-{number}"))
        return made

    return radiographs


def _patients(radiographs: tuple[LabelledImage, ...]) -> set[str]:
    return {radiograph.patient for radiograph in radiographs}


def test_no_patient_is_in_two_parts(ward: Ward) -> None:
    split = patient_split.split_by_patient(ward(30), seed=1)
    parts = [_patients(part) for part in (split.train, split.validation, split.test)]
    assert all(not one & other for one, other in combinations(parts, 2))
    assert sum(map(len, parts)) == 90


def test_every_part_has_every_class(ward: Ward) -> None:
    split = patient_split.split_by_patient(ward(5), seed=1)
    for part in (split.train, split.validation, split.test):
        assert {radiograph.label for radiograph in part} == set(CLASSES)


def test_a_fifth_is_for_the_test(ward: Ward) -> None:
    split = patient_split.split_by_patient(ward(200), seed=1)
    assert len(split.test) / 1200 == pytest.approx(0.2, abs=0.04)


def test_the_test_set_does_not_depend_on_the_seed(ward: Ward) -> None:
    radiographs = ward(30)
    one, other = (patient_split.split_by_patient(radiographs, seed=seed) for seed in (1, 2))
    assert one.test == other.test
    assert one.validation != other.validation


def test_the_same_seed_gives_the_same_split_in_any_order(ward: Ward) -> None:
    radiographs = ward(20)
    one = patient_split.split_by_patient(radiographs, seed=3)
    other = patient_split.split_by_patient(radiographs[::-1], seed=3)
    assert _patients(one.validation) == _patients(other.validation)


def test_no_radiograph_once_tested_on_is_taken_from_learning_when_cases_arrive(ward: Ward) -> None:
    before = patient_split.split_by_patient(ward(20), seed=1)
    after = patient_split.split_by_patient(ward(60), seed=1)
    assert _patients(before.test) <= _patients(after.test)
    assert not _patients(after.test) & _patients((*before.train, *before.validation))


def _names(test: bool) -> Iterator[str]:
    """Give pseudonyms whose hash places them in the test set, or in none."""
    names = (f"stranger-{number}" for number in range(999))
    return (name for name in names if (hashing.share_of(name, "test") < patient_split.TEST_SHARE) is test)


def _alike(*radiographs: LabelledImage) -> patient_split.NearDuplicates:
    return patient_split.NearDuplicates(
        alike=tuple(combinations((radiograph.path for radiograph in radiographs), 2))
    )


def test_a_copy_of_a_tested_radiograph_is_left_out_of_learning_and_the_test_stays(
    ward: Ward, tmp_path: Path
) -> None:
    radiographs = ward(20)
    before = patient_split.split_by_patient(radiographs, seed=1)
    copy, other = tmp_path / "copy.png", tmp_path / "other.png"
    copy.write_bytes(before.test[0].path.read_bytes())
    other.write_bytes(b"another radiograph of the same person")
    stranger = next(_names(test=False))
    added = [LabelledImage(path, before.test[0].label, stranger) for path in (copy, other)]

    after = patient_split.split_by_patient([*radiographs, *added], seed=1)

    assert after.test == before.test
    assert stranger not in _patients((*after.train, *after.validation))
    assert [(out.radiograph.path.name, out.reason) for out in after.left_out] == [
        ("copy.png", patient_split.IN_TEST),
        ("other.png", patient_split.IN_TEST),
    ]


def test_a_radiograph_learnt_from_never_moves_to_the_test_when_a_look_alike_arrives(
    ward: Ward, tmp_path: Path
) -> None:
    radiographs = ward(20)
    before = patient_split.split_by_patient(radiographs, seed=1)
    learnt = before.train[0]
    copy = tmp_path / "copy.png"
    copy.write_bytes(b"the same picture in another file")
    newcomer = LabelledImage(copy, learnt.label, next(_names(test=True)))

    after = patient_split.split_by_patient([*radiographs, newcomer], seed=1, looks=_alike(learnt, newcomer))

    assert set(after.test) == {*before.test, newcomer}
    assert {out.radiograph for out in after.left_out} == {
        f for f in radiographs if f.patient == learnt.patient
    }


def test_radiographs_that_look_alike_are_learnt_or_watched_together(ward: Ward) -> None:
    radiographs = ward(30)
    split = patient_split.split_by_patient(radiographs, seed=1)
    chain = [radiograph for radiograph in (*split.train, *split.validation) if radiograph.label == "normal"][
        ::7
    ]
    assert {radiograph in split.validation for radiograph in chain} == {True, False}

    joined = patient_split.split_by_patient(radiographs, seed=1, looks=_alike(*chain))

    assert len({radiograph in joined.validation for radiograph in chain}) == 1
    assert joined.test == split.test


def test_a_picture_with_two_findings_is_left_out_and_named(ward: Ward) -> None:
    radiographs = ward(30)
    one, other = (
        next(radiograph for radiograph in radiographs if radiograph.label == label)
        for label in ("normal", "covid-19")
    )

    split = patient_split.split_by_patient(radiographs, seed=1, looks=_alike(one, other))

    assert {(out.radiograph, out.reason) for out in split.left_out} == {
        (one, patient_split.CONTESTED),
        (other, patient_split.CONTESTED),
    }
    assert not {one, other} & {*split.train, *split.validation, *split.test}


def test_radiographs_are_looked_at_before_they_are_parted(tmp_path: Path) -> None:
    drawn = {
        "one.png": radiograph_png(1),
        "darker.png": _png(radiograph_grey(1) ** 1.3),
        "mirrored.png": _png(radiograph_grey(1)[:, ::-1]),
        "inverted.png": _png(1 - radiograph_grey(1)),
        "stranger.png": radiograph_png(2),
        "cut.png": radiograph_png(3)[:300],
    }
    for name, content in drawn.items():
        (tmp_path / name).write_bytes(content)
    radiographs = [LabelledImage(tmp_path / name, "normal", name) for name in drawn]

    looks = find_near_duplicates(radiographs)

    pairs = {frozenset((one.name, other.name)) for one, other in looks.alike}
    assert {frozenset(("one.png", name)) for name in ("darker.png", "mirrored.png", "inverted.png")} <= pairs
    assert not any("stranger.png" in pair for pair in pairs)
    assert [(out.radiograph.path.name, out.reason) for out in looks.unreadable] == [("cut.png", "damaged")]


def test_a_radiograph_that_cannot_be_read_takes_no_part_and_is_named(ward: Ward) -> None:
    radiographs = ward(20)
    out = patient_split.Exclusion(radiographs[0], "damaged")
    split = patient_split.split_by_patient(
        radiographs, seed=1, looks=patient_split.NearDuplicates(unreadable=(out,))
    )
    assert split.left_out == (out,)
    assert radiographs[0] not in {*split.train, *split.validation, *split.test}


def _png(grey: NDArray[np.float64]) -> bytes:
    encoded = cv2.imencode(".png", (grey * 255).astype(np.uint8))[1]
    return encoded.tobytes()


def test_too_few_patients_are_refused_with_the_counts(ward: Ward) -> None:
    with pytest.raises(patient_split.TooFewCases, match="covid-19: 4, normal: 4") as refusal:
        patient_split.split_by_patient(ward(4, ("covid-19", "normal")), seed=1)
    assert refusal.value.patients == {"covid-19": 4, "normal": 4}


def test_one_class_is_refused(ward: Ward) -> None:
    with pytest.raises(patient_split.TooFewCases):
        patient_split.split_by_patient(ward(50, ("normal",)), seed=1)


def test_a_class_of_few_patients_is_left_out_and_named(ward: Ward) -> None:
    radiographs = [*ward(10, ("covid-19", "normal")), *ward(2, ("pneumonia",))]
    split = patient_split.split_by_patient(radiographs, seed=1)
    assert split.classes == ("covid-19", "normal")
    assert {item.radiograph.label for item in split.left_out} == {"pneumonia"}
    assert len(split.left_out) == 4


def test_counts_tell_radiographs_and_patients(ward: Ward) -> None:
    split = patient_split.split_by_patient(ward(10), seed=1)
    counts = split.counts()
    assert sum(counts[part]["normal"]["cases"] for part in counts) == 20
    assert sum(counts[part]["normal"]["patients"] for part in counts) == 10


def test_the_fingerprint_ignores_order_and_path_but_not_labels(ward: Ward, tmp_path: Path) -> None:
    radiographs = ward(2)
    moved = tmp_path / "moved.png"
    moved.write_bytes(radiographs[0].path.read_bytes())
    same = [*radiographs[1:], LabelledImage(moved, radiographs[0].label, radiographs[0].patient)]
    other = [*radiographs[1:], LabelledImage(moved, "normal", radiographs[0].patient)]
    assert hashing.fingerprint(radiographs) == hashing.fingerprint(same)
    assert hashing.fingerprint(radiographs) != hashing.fingerprint(other)


def test_a_damaged_radiograph_is_left_out_and_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(radiograph_png())
    bad.write_bytes(radiograph_png()[:500])
    radiographs = [LabelledImage(path, "normal", path.stem) for path in (good, bad, tmp_path / "gone.png")]
    store = load(radiographs, Preprocessing(size=64), side=64)
    assert [radiograph.path for radiograph in store.radiographs] == [good]
    assert [(item.radiograph.path.name, item.reason) for item in store.left_out] == [
        ("bad.png", "damaged"),
        ("gone.png", "unreadable"),
    ]


def test_classes_are_drawn_equally_and_small_sources_more_often() -> None:
    def some(count: int, label: str, source: str) -> list[LabelledImage]:
        return [LabelledImage(Path("radiograph.png"), label, "somebody", source)] * count

    radiographs = [*some(100, "normal", "large"), *some(4, "normal", "small"), *some(50, "covid-19", "small")]
    chance = sampling_weights(radiographs)
    assert chance[104:].sum() == pytest.approx(0.5)
    # 100 / sqrt(100) against 4 / sqrt(4): five to one instead of 25 to one
    assert chance[:100].sum() / chance[100:104].sum() == pytest.approx(5)


def test_a_rare_class_weighs_more_but_four_times_at_most() -> None:
    def some(count: int, label: str) -> list[LabelledImage]:
        return [LabelledImage(Path("radiograph.png"), label, "somebody")] * count

    # n / (classes * n of the class): 100 / (2 * 80), 100 / (2 * 20)
    weights = class_weights([*some(80, "normal"), *some(20, "covid-19")])
    assert weights[[0, 99]].tolist() == pytest.approx([0.625, 2.5])
    assert class_weights([*some(990, "normal"), *some(10, "covid-19")])[-1] == 4


@pytest.mark.parametrize(("balance", "rare"), [("sampling", 0.5), ("weights", 0.1), ("none", 0.1)])
def test_a_rare_class_is_drawn_more_often_or_weighs_more_but_never_both(
    balance: Balance, rare: float, tmp_path: Path
) -> None:
    (tmp_path / "radiograph.png").write_bytes(radiograph_png(size=(64, 64)))
    radiographs = [
        LabelledImage(tmp_path / "radiograph.png", label, "somebody")
        for label in ["covid-19", *["normal"] * 9]
    ]
    store = load(radiographs, Preprocessing(size=32), side=32)
    fresh = AugmentedImages(store, Preprocessing(size=32), 0.0)
    sampler = Sampler(store.radiographs, ("covid-19", "normal"), fresh, 2000, seed=1, balance=balance)
    _, truth, weights = sampler.draw(0)
    assert truth[:, 0].mean() == pytest.approx(rare, abs=0.03)
    assert (weights is None) is (balance != "weights")
    if weights is not None:  # 10 / (2 * 1) is above the limit of 4; 10 / (2 * 9)
        assert set(weights[truth[:, 0] == 1]) == {4.0}
        assert weights[truth[:, 0] == 0] == pytest.approx(10 / 18)


def test_half_of_the_radiographs_are_mirrored_if_asked_for() -> None:
    radiograph = np.zeros((64, 64), np.uint8)
    radiograph[:, :20] = 200
    random = np.random.default_rng(1)
    turned = [augment(radiograph, 64, 0.0, random, mirror=True)[0, -1] == 200 for _ in range(200)]
    assert np.mean(turned) == pytest.approx(0.5, abs=0.1)
    assert not any(spec.mirror for spec in RECIPES.values())


def test_augmentation_is_seeded_and_keeps_the_size() -> None:
    radiograph = (radiograph_grey(1) * 255).astype(np.uint8)
    one, other, third = (augment(radiograph, 64, 1.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (64, 64)
    assert one.dtype == np.uint8
    assert (one == other).all()
    assert (one != third).any()


def test_augmentation_keeps_left_on_the_left() -> None:
    radiograph = np.zeros((256, 256), np.uint8)
    radiograph[:, :100] = 200
    for seed in range(30):
        changed = augment(radiograph, 64, 1.0, np.random.default_rng(seed))
        assert changed[:, :20].mean() > changed[:, -20:].mean()


def test_strength_nought_only_resizes() -> None:
    radiograph = np.tile(np.repeat(np.array([10, 200], np.uint8), 64), (128, 1))
    small = augment(radiograph, 64, 0.0, np.random.default_rng(1))
    assert (small == radiograph[::2, ::2]).all()


@pytest.mark.parametrize("change", ["none", "darker", "inverted", "mirrored"])
def test_a_changed_copy_is_recognised(change: str) -> None:
    grey = radiograph_grey(3).astype(np.float32)
    copies = {"none": grey, "darker": grey**1.3, "inverted": 1 - grey, "mirrored": grey[:, ::-1]}
    found = distances(perceptual_hash(grey)[None], perceptual_hash(copies[change])[None])
    assert found[0, 0] <= SAME_IMAGE
