"""Films are parted by patient, the same way each time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ml import dataset
from ml.augment import augment
from ml.batches import Fresh, Sampler, chances, class_weights, load
from ml.duplicates import SAME, distances, picture_hash
from ml.lookalikes import look_at
from ml.presets import PRESETS, Balance
from ml.records import LabelledFilm, Preprocessing
from tests.films import film_grey, film_png

CLASSES = ("covid-19", "pneumonia", "normal")

Ward = Callable[..., list[LabelledFilm]]


@pytest.fixture
def ward(tmp_path: Path) -> Ward:
    """Give films of made-up patients: so many of each class, two films each."""

    def films(patients: int, classes: tuple[str, ...] = CLASSES, first: int = 0) -> list[LabelledFilm]:
        made = []
        for label in classes:
            for number in range(first, first + patients):
                for view in ("a", "b"):
                    path = tmp_path / f"{label}-{number}-{view}.png"
                    path.write_bytes(path.name.encode())  # parting needs contents, not pictures
                    made.append(LabelledFilm(path, label, f"{label}-{number}"))
        return made

    return films


def _patients(films: tuple[LabelledFilm, ...]) -> set[str]:
    return {film.patient for film in films}


def test_no_patient_is_in_two_parts(ward: Ward) -> None:
    split = dataset.split_by_patient(ward(30), seed=1)
    parts = [_patients(part) for part in (split.train, split.validation, split.test)]
    assert all(not one & other for one, other in combinations(parts, 2))
    assert sum(map(len, parts)) == 90


def test_every_part_has_every_class(ward: Ward) -> None:
    split = dataset.split_by_patient(ward(5), seed=1)
    for part in (split.train, split.validation, split.test):
        assert {film.label for film in part} == set(CLASSES)


def test_a_fifth_is_for_the_test(ward: Ward) -> None:
    split = dataset.split_by_patient(ward(200), seed=1)
    assert len(split.test) / 1200 == pytest.approx(0.2, abs=0.04)


def test_the_test_set_does_not_depend_on_the_seed(ward: Ward) -> None:
    films = ward(30)
    one, other = (dataset.split_by_patient(films, seed=seed) for seed in (1, 2))
    assert one.test == other.test
    assert one.validation != other.validation


def test_the_same_seed_gives_the_same_split_in_any_order(ward: Ward) -> None:
    films = ward(20)
    one = dataset.split_by_patient(films, seed=3)
    other = dataset.split_by_patient(films[::-1], seed=3)
    assert _patients(one.validation) == _patients(other.validation)


def test_no_film_once_tested_on_is_taken_from_learning_when_cases_arrive(ward: Ward) -> None:
    before = dataset.split_by_patient(ward(20), seed=1)
    after = dataset.split_by_patient(ward(60), seed=1)
    assert _patients(before.test) <= _patients(after.test)
    assert not _patients(after.test) & _patients((*before.train, *before.validation))


def _names(test: bool) -> Iterator[str]:
    """Give pseudonyms whose hash places them in the test set, or in none."""
    names = (f"stranger-{number}" for number in range(999))
    return (name for name in names if (dataset.share_of(name, "test") < dataset.TEST_SHARE) is test)


def _alike(*films: LabelledFilm) -> dataset.Looks:
    return dataset.Looks(alike=tuple(combinations((film.path for film in films), 2)))


def test_a_copy_of_a_tested_film_is_left_out_of_learning_and_the_test_stays(
    ward: Ward, tmp_path: Path
) -> None:
    films = ward(20)
    before = dataset.split_by_patient(films, seed=1)
    copy, other = tmp_path / "copy.png", tmp_path / "other.png"
    copy.write_bytes(before.test[0].path.read_bytes())
    other.write_bytes(b"another film of the same person")
    stranger = next(_names(test=False))
    added = [LabelledFilm(path, before.test[0].label, stranger) for path in (copy, other)]

    after = dataset.split_by_patient([*films, *added], seed=1)

    assert after.test == before.test
    assert stranger not in _patients((*after.train, *after.validation))
    assert [(out.film.path.name, out.reason) for out in after.left_out] == [
        ("copy.png", dataset.IN_TEST),
        ("other.png", dataset.IN_TEST),
    ]


def test_a_film_learnt_from_never_moves_to_the_test_when_a_look_alike_arrives(
    ward: Ward, tmp_path: Path
) -> None:
    films = ward(20)
    before = dataset.split_by_patient(films, seed=1)
    learnt = before.train[0]
    copy = tmp_path / "copy.png"
    copy.write_bytes(b"the same picture in another file")
    newcomer = LabelledFilm(copy, learnt.label, next(_names(test=True)))

    after = dataset.split_by_patient([*films, newcomer], seed=1, looks=_alike(learnt, newcomer))

    assert set(after.test) == {*before.test, newcomer}
    assert {out.film for out in after.left_out} == {f for f in films if f.patient == learnt.patient}


def test_films_that_look_alike_are_learnt_or_watched_together(ward: Ward) -> None:
    films = ward(30)
    split = dataset.split_by_patient(films, seed=1)
    chain = [film for film in (*split.train, *split.validation) if film.label == "normal"][::7]
    assert {film in split.validation for film in chain} == {True, False}

    joined = dataset.split_by_patient(films, seed=1, looks=_alike(*chain))

    assert len({film in joined.validation for film in chain}) == 1
    assert joined.test == split.test


def test_a_picture_with_two_findings_is_left_out_and_named(ward: Ward) -> None:
    films = ward(30)
    one, other = (next(film for film in films if film.label == label) for label in ("normal", "covid-19"))

    split = dataset.split_by_patient(films, seed=1, looks=_alike(one, other))

    assert {(out.film, out.reason) for out in split.left_out} == {
        (one, dataset.CONTESTED),
        (other, dataset.CONTESTED),
    }
    assert not {one, other} & {*split.train, *split.validation, *split.test}


def test_films_are_looked_at_before_they_are_parted(tmp_path: Path) -> None:
    drawn = {
        "one.png": film_png(1),
        "darker.png": _png(film_grey(1) ** 1.3),
        "mirrored.png": _png(film_grey(1)[:, ::-1]),
        "inverted.png": _png(1 - film_grey(1)),
        "stranger.png": film_png(2),
        "cut.png": film_png(3)[:300],
    }
    for name, content in drawn.items():
        (tmp_path / name).write_bytes(content)
    films = [LabelledFilm(tmp_path / name, "normal", name) for name in drawn]

    looks = look_at(films)

    pairs = {frozenset((one.name, other.name)) for one, other in looks.alike}
    assert {frozenset(("one.png", name)) for name in ("darker.png", "mirrored.png", "inverted.png")} <= pairs
    assert not any("stranger.png" in pair for pair in pairs)
    assert [(out.film.path.name, out.reason) for out in looks.unreadable] == [("cut.png", "damaged")]


def test_a_film_that_cannot_be_read_takes_no_part_and_is_named(ward: Ward) -> None:
    films = ward(20)
    out = dataset.LeftOut(films[0], "damaged")
    split = dataset.split_by_patient(films, seed=1, looks=dataset.Looks(unreadable=(out,)))
    assert split.left_out == (out,)
    assert films[0] not in {*split.train, *split.validation, *split.test}


def _png(grey: NDArray[np.float64]) -> bytes:
    encoded = cv2.imencode(".png", (grey * 255).astype(np.uint8))[1]
    return encoded.tobytes()


def test_too_few_patients_are_refused_with_the_counts(ward: Ward) -> None:
    with pytest.raises(dataset.TooFewCases, match="covid-19: 4, normal: 4") as refusal:
        dataset.split_by_patient(ward(4, ("covid-19", "normal")), seed=1)
    assert refusal.value.patients == {"covid-19": 4, "normal": 4}


def test_one_class_is_refused(ward: Ward) -> None:
    with pytest.raises(dataset.TooFewCases):
        dataset.split_by_patient(ward(50, ("normal",)), seed=1)


def test_a_class_of_few_patients_is_left_out_and_named(ward: Ward) -> None:
    films = [*ward(10, ("covid-19", "normal")), *ward(2, ("pneumonia",))]
    split = dataset.split_by_patient(films, seed=1)
    assert split.classes == ("covid-19", "normal")
    assert {item.film.label for item in split.left_out} == {"pneumonia"}
    assert len(split.left_out) == 4


def test_counts_tell_films_and_patients(ward: Ward) -> None:
    split = dataset.split_by_patient(ward(10), seed=1)
    counts = split.counts()
    assert sum(counts[part]["normal"]["cases"] for part in counts) == 20
    assert sum(counts[part]["normal"]["patients"] for part in counts) == 10


def test_the_fingerprint_ignores_order_and_path_but_not_labels(ward: Ward, tmp_path: Path) -> None:
    films = ward(2)
    moved = tmp_path / "moved.png"
    moved.write_bytes(films[0].path.read_bytes())
    same = [*films[1:], LabelledFilm(moved, films[0].label, films[0].patient)]
    other = [*films[1:], LabelledFilm(moved, "normal", films[0].patient)]
    assert dataset.fingerprint(films) == dataset.fingerprint(same)
    assert dataset.fingerprint(films) != dataset.fingerprint(other)


def test_a_damaged_film_is_left_out_and_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.png", tmp_path / "bad.png"
    good.write_bytes(film_png())
    bad.write_bytes(film_png()[:500])
    films = [LabelledFilm(path, "normal", path.stem) for path in (good, bad, tmp_path / "gone.png")]
    store = load(films, Preprocessing(size=64), side=64)
    assert [film.path for film in store.films] == [good]
    assert [(item.film.path.name, item.reason) for item in store.left_out] == [
        ("bad.png", "damaged"),
        ("gone.png", "unreadable"),
    ]


def test_classes_are_drawn_equally_and_small_sources_more_often() -> None:
    def some(count: int, label: str, source: str) -> list[LabelledFilm]:
        return [LabelledFilm(Path("film.png"), label, "somebody", source)] * count

    films = [*some(100, "normal", "large"), *some(4, "normal", "small"), *some(50, "covid-19", "small")]
    chance = chances(films)
    assert chance[104:].sum() == pytest.approx(0.5)
    # 100 / sqrt(100) against 4 / sqrt(4): five to one instead of 25 to one
    assert chance[:100].sum() / chance[100:104].sum() == pytest.approx(5)


def test_a_rare_class_weighs_more_but_four_times_at_most() -> None:
    def some(count: int, label: str) -> list[LabelledFilm]:
        return [LabelledFilm(Path("film.png"), label, "somebody")] * count

    # n / (classes * n of the class): 100 / (2 * 80), 100 / (2 * 20)
    weights = class_weights([*some(80, "normal"), *some(20, "covid-19")])
    assert weights[[0, 99]].tolist() == pytest.approx([0.625, 2.5])
    assert class_weights([*some(990, "normal"), *some(10, "covid-19")])[-1] == 4


@pytest.mark.parametrize(("balance", "rare"), [("sampling", 0.5), ("weights", 0.1), ("none", 0.1)])
def test_a_rare_class_is_drawn_more_often_or_weighs_more_but_never_both(
    balance: Balance, rare: float, tmp_path: Path
) -> None:
    (tmp_path / "film.png").write_bytes(film_png(size=(64, 64)))
    films = [
        LabelledFilm(tmp_path / "film.png", label, "somebody") for label in ["covid-19", *["normal"] * 9]
    ]
    store = load(films, Preprocessing(size=32), side=32)
    fresh = Fresh(store, Preprocessing(size=32), 0.0)
    sampler = Sampler(store.films, ("covid-19", "normal"), fresh, 2000, seed=1, balance=balance)
    _, truth, weights = sampler.draw(0)
    assert truth[:, 0].mean() == pytest.approx(rare, abs=0.03)
    assert (weights is None) is (balance != "weights")
    if weights is not None:  # 10 / (2 * 1) is above the limit of 4; 10 / (2 * 9)
        assert set(weights[truth[:, 0] == 1]) == {4.0}
        assert weights[truth[:, 0] == 0] == pytest.approx(10 / 18)


def test_half_of_the_films_are_mirrored_if_asked_for() -> None:
    film = np.zeros((64, 64), np.uint8)
    film[:, :20] = 200
    random = np.random.default_rng(1)
    turned = [augment(film, 64, 0.0, random, mirror=True)[0, -1] == 200 for _ in range(200)]
    assert np.mean(turned) == pytest.approx(0.5, abs=0.1)
    assert not any(spec.mirror for spec in PRESETS.values())


def test_augmentation_is_seeded_and_keeps_the_size() -> None:
    film = (film_grey(1) * 255).astype(np.uint8)
    one, other, third = (augment(film, 64, 1.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (64, 64)
    assert one.dtype == np.uint8
    assert (one == other).all()
    assert (one != third).any()


def test_augmentation_keeps_left_on_the_left() -> None:
    film = np.zeros((256, 256), np.uint8)
    film[:, :100] = 200
    for seed in range(30):
        changed = augment(film, 64, 1.0, np.random.default_rng(seed))
        assert changed[:, :20].mean() > changed[:, -20:].mean()


def test_strength_nought_only_resizes() -> None:
    film = np.tile(np.repeat(np.array([10, 200], np.uint8), 64), (128, 1))
    small = augment(film, 64, 0.0, np.random.default_rng(1))
    assert (small == film[::2, ::2]).all()


@pytest.mark.parametrize("change", ["none", "darker", "inverted", "mirrored"])
def test_a_changed_copy_is_recognised(change: str) -> None:
    grey = film_grey(3).astype(np.float32)
    copies = {"none": grey, "darker": grey**1.3, "inverted": 1 - grey, "mirrored": grey[:, ::-1]}
    found = distances(picture_hash(grey)[None], picture_hash(copies[change])[None])
    assert found[0, 0] <= SAME
