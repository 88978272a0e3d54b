"""Checks B3, B7, F, G and I of real networks: one that learnt a sign in the lungs, one a mark in a corner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from ml.datasets.patient_split import Split
from ml.inference.predictor import Predictor
from ml.recipes import at_size, get_recipe
from ml.records import Grey, LabelledImage
from ml.training.trainer import train
from ml.trust import heatmap_checks, occlusion, out_of_distribution_panel, stability
from ml.trust.batch_predictor import BatchPredictor
from ml.trust.evaluation_set import EvaluationSet, ellipses, evaluation_set
from ml.trust.structural_similarity import structural_similarity
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network

SIDE = 96
CLASSES = ("covid-19", "normal")
LUNG, CORNER = (34, 24), (0, 0)  # top and left of the sign
SIGN = 12  # pixels of its side; stripes, so that neither a mean nor a blur leaves a trace


def _radiograph(folder: Path, number: int, place: tuple[int, int]) -> LabelledImage:
    random = np.random.default_rng(number)
    grey = cv2.GaussianBlur(random.uniform(0.2, 0.5, (SIDE, SIDE)).astype(np.float32), (0, 0), 2)
    label = CLASSES[number % 2]
    if label == "covid-19":
        top, left = place
        stripes = np.where(np.arange(SIGN) // 3 % 2, 0.35, -0.35)
        grey[top : top + SIGN, left : left + SIGN] += stripes[None].astype(np.float32)
        grey = np.clip(grey, 0, 1)
    path = folder / f"{number}.png"
    cv2.imwrite(str(path), np.rint(grey * 255).astype(np.uint8))
    return LabelledImage(path, label, f"patient-{number}", "one")


def _taught(folder: Path, place: tuple[int, int]) -> EvaluationSet:
    radiographs = [_radiograph(folder, number, place) for number in range(144)]
    spec = at_size(get_recipe("scratch-cnn", seed=2, epochs=6), 64)
    spec = replace(spec, batch_size=12, augmentation=0.0)
    split = Split(tuple(radiographs[:64]), tuple(radiographs[64:104]), ())
    train(
        split, spec, start_from=None, out=folder / "out", on_epoch=lambda _: None, should_stop=lambda: False
    )
    return evaluation_set(BatchPredictor(folder / "out"), radiographs[104:], {})


@pytest.fixture(scope="module")
def lung_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lung")


@pytest.fixture(scope="module")
def by_lung(lung_home: Path) -> EvaluationSet:
    return _taught(lung_home, LUNG)


@pytest.fixture(scope="module")
def by_corner(tmp_path_factory: pytest.TempPathFactory) -> EvaluationSet:
    return _taught(tmp_path_factory.mktemp("corner"), CORNER)


def test_both_networks_have_learnt_their_sign(by_lung: EvaluationSet, by_corner: EvaluationSet) -> None:
    assert by_lung.answers.right.mean() >= 0.95
    assert by_corner.answers.right.mean() >= 0.95


def test_who_reads_lungs_is_blind_without_them(by_lung: EvaluationSet) -> None:
    found = occlusion.lungs_hidden(by_lung)
    assert found.status == "PASS"
    assert found.figures["auroc_lungs_only"] > 0.9
    assert found.value is not None
    assert found.value < 0.8
    assert "ellipses" in found.words


def test_who_reads_corners_needs_no_lungs(by_corner: EvaluationSet) -> None:
    assert occlusion.lungs_hidden(by_corner).status == "FAIL"


def test_black_corners_matter_to_who_reads_them(by_corner: EvaluationSet) -> None:
    corner = occlusion.corners_hidden(by_corner)
    assert corner.status == "WARN"
    assert corner.value == pytest.approx(0.5, abs=0.1)  # every radiograph with the mark loses it


def test_who_says_the_same_of_all_radiographs_is_stable(by_lung: EvaluationSet, tmp_path: Path) -> None:
    stubborn = BatchPredictor(make_bundle(tmp_path / "stubborn", "scratch-cnn", size=32))
    kernel, bias = stubborn.model.get_layer("logits").get_weights()
    stubborn.model.get_layer("logits").set_weights([kernel * 0, bias + np.arange(len(bias))])
    found = evaluation_set(stubborn, by_lung.radiographs, {})
    assert occlusion.corners_hidden(found).status == "PASS"
    assert stability.stability(found).status == "PASS"


def test_heat_in_the_lungs_passes_and_heat_beside_them_fails(by_lung: EvaluationSet) -> None:
    hits = by_lung.answers.truth & by_lung.answers.right
    maps = np.maximum(by_lung.reader.maps(by_lung.squares[hits], by_lung.target), 0)
    heat = cv2.resize(maps.mean(axis=0), (64, 64))
    hot = np.broadcast_to(heat >= np.quantile(heat, 0.7), by_lung.lungs.shape)
    inside = heatmap_checks.in_the_lungs(replace(by_lung, lungs=hot))
    beside = heatmap_checks.in_the_lungs(replace(by_lung, lungs=~hot))
    assert inside.status == "PASS"
    assert beside.status == "FAIL"


def test_blurring_the_heat_away_hurts_more_than_chance(by_lung: EvaluationSet) -> None:
    found = heatmap_checks.deletion(by_lung, most=12)
    assert found.status == "PASS"
    assert found.value is not None
    assert found.value < found.figures["random"]


def test_maps_come_from_the_weights(by_lung: EvaluationSet) -> None:
    found = heatmap_checks.randomised(by_lung, most=12)
    assert set(found.figures) >= {"likeness after head", "likeness after head and last block"}
    assert found.value is not None
    assert found.value < 0.9
    assert by_lung.answers.right.mean() >= 0.95  # the reader itself has forgotten nothing


def test_a_network_is_like_itself_and_not_like_chance(by_lung: EvaluationSet, tmp_path: Path) -> None:
    assert heatmap_checks.reproduced(by_lung).status == "NOT_POSSIBLE"


def test_hirescam_adds_up_for_average_and_dense_only(by_lung: EvaluationSet, tmp_path: Path) -> None:
    tiny = BatchPredictor(make_bundle(tmp_path / "tiny", "tiny-cnn", size=32))
    assert heatmap_checks.complete(evaluation_set(tiny, by_lung.radiographs[:8], {})).status == "NOT_POSSIBLE"
    vgg = BatchPredictor(make_bundle(tmp_path / "vgg", "vgg16", size=32))
    found = heatmap_checks.complete(evaluation_set(vgg, by_lung.radiographs[:8], {}))
    assert found.status == "PASS"


def test_small_changes_are_counted_one_by_one(by_lung: EvaluationSet) -> None:
    found = stability.stability(by_lung)
    assert set(found.figures) == set(stability.CHANGES)
    assert found.value == max(found.figures.values())
    assert found.n == 40


def test_without_a_reference_the_panel_cannot_be_shown(by_lung: EvaluationSet, tmp_path: Path) -> None:
    bare = Predictor(make_bundle(tmp_path / "bare", size=32))
    assert out_of_distribution_panel.panel(by_lung, explain=bare.explain).status == "NOT_POSSIBLE"


def test_the_panels_pictures_are_greys_of_their_kind(by_lung: EvaluationSet) -> None:
    radiographs = list(by_lung.squares[:3])
    kinds, again = out_of_distribution_panel.kinds(radiographs), out_of_distribution_panel.kinds(radiographs)
    pictures = [picture for each in kinds.values() for picture in each]
    assert {len(each) for each in kinds.values()} == {out_of_distribution_panel.EACH}
    assert all(picture.dtype == np.float32 for picture in pictures)
    assert min(picture.min() for picture in pictures) >= 0
    assert max(picture.max() for picture in pictures) <= 1
    page = kinds["documents"][0]
    assert np.median(page) >= 0.9  # paper
    assert 0.01 < (page < 0.5).mean() < 0.3  # ink
    for kind, each in kinds.items():
        assert all(np.array_equal(a, b) for a, b in zip(each, again[kind], strict=True))


def test_noise_is_unlike_what_a_network_of_blurred_radiographs_learnt(
    by_lung: EvaluationSet, lung_home: Path
) -> None:
    found = out_of_distribution_panel.panel(by_lung, explain=Predictor(lung_home / "out").explain)
    assert found.figures["noise caught"] == 1
    assert found.figures["noise auroc"] == 1
    assert found.n == 40


def test_a_mask_takes_the_place_of_the_ellipses(by_lung: EvaluationSet, tmp_path: Path) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[: SIDE // 2] = 255
    path = tmp_path / "mask.png"
    cv2.imwrite(str(path), mask)
    radiograph = by_lung.radiographs[0]
    found = evaluation_set(by_lung.reader, by_lung.radiographs[:2], {radiograph.path: path})
    assert found.masked == 1
    assert found.lungs[0, :32].all()
    assert not found.lungs[0, 32:].any()
    assert (found.lungs[1] == ellipses(64)).all()
    assert "1 of 2" in found.outline


def test_energy_and_pointing_on_a_map_made_by_hand() -> None:
    heat = np.zeros((1, 4, 4), np.float32)
    heat[0, 0, 0], heat[0, 3, 3] = 3.0, 1.0
    lungs = np.zeros((1, 4, 4), bool)
    lungs[0, :2, :2] = True  # a quarter of the picture, and 3 of 4 parts of the heat
    energy, enrichment = heatmap_checks.energies(heat, lungs)
    assert (energy[0], enrichment[0]) == (0.75, 3.0)
    assert heatmap_checks.pointing(heat, lungs).tolist() == [True]
    assert heatmap_checks.pointing(heat[:, ::-1, ::-1].copy(), lungs).tolist() == [False]


def test_likeness_is_one_for_the_same_and_low_for_the_opposite() -> None:
    grey: Grey = np.random.default_rng(1).random((32, 32)).astype(np.float32)
    assert structural_similarity(grey, grey) == pytest.approx(1)
    assert structural_similarity(grey, 1 - grey) < -0.8
    flat = np.full((32, 32), 0.25, np.float32)
    # Two flat pictures differ in brightness alone: (2xy + c1) / (x2 + y2 + c1), c1 = 0.0001.
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert structural_similarity(flat, flat + np.float32(0.5)) == pytest.approx(expected, abs=1e-6)
