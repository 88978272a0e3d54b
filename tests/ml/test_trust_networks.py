"""Checks B3, B7, F, G and I of two networks, trained on a sign in the lungs and on a mark in a corner."""

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
from ml.trust import (
    batch_predictor,
    heatmap_checks,
    heatmap_measures,
    occlusion,
    out_of_distribution_panel,
    stability,
)
from ml.trust.batch_predictor import BatchPredictor
from ml.trust.evaluation_set import EvaluationSet, build_evaluation_set, ellipses
from ml.trust.structural_similarity import structural_similarity
from tests.small_bundle import make_bundle

pytestmark = pytest.mark.network

SIDE = 96
CLASSES = ("covid-19", "normal")
LUNG, CORNER = (34, 24), (0, 0)  # top and left of the sign
SIGN = 12  # side in pixels; stripes, which both mean grey and a blur remove


def _radiograph(folder: Path, number: int, position: tuple[int, int]) -> LabelledImage:
    random = np.random.default_rng(number)
    grey = cv2.GaussianBlur(random.uniform(0.2, 0.5, (SIDE, SIDE)).astype(np.float32), (0, 0), 2)
    label = CLASSES[number % 2]
    if label == "covid-19":
        top, left = position
        stripes = np.where(np.arange(SIGN) // 3 % 2, 0.35, -0.35)
        grey[top : top + SIGN, left : left + SIGN] += stripes[None].astype(np.float32)
        grey = np.clip(grey, 0, 1)
    path = folder / f"{number}.png"
    cv2.imwrite(str(path), np.rint(grey * 255).astype(np.uint8))
    return LabelledImage(path, label, f"patient-{number}", "one")


def _trained(folder: Path, position: tuple[int, int]) -> EvaluationSet:
    radiographs = [_radiograph(folder, number, position) for number in range(144)]
    spec = at_size(get_recipe("scratch-cnn", seed=2, epochs=6), 64)
    spec = replace(spec, batch_size=12, augmentation=0.0)
    split = Split(tuple(radiographs[:64]), tuple(radiographs[64:104]), ())
    train(
        split, spec, start_from=None, out=folder / "out", on_epoch=lambda _: None, should_stop=lambda: False
    )
    return build_evaluation_set(BatchPredictor(folder / "out"), radiographs[104:], {})


@pytest.fixture(scope="module")
def lung_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lung")


@pytest.fixture(scope="module")
def lung_model(lung_folder: Path) -> EvaluationSet:
    return _trained(lung_folder, LUNG)


@pytest.fixture(scope="module")
def corner_model(tmp_path_factory: pytest.TempPathFactory) -> EvaluationSet:
    return _trained(tmp_path_factory.mktemp("corner"), CORNER)


def test_both_networks_predict_their_sign(lung_model: EvaluationSet, corner_model: EvaluationSet) -> None:
    assert lung_model.predictions.correct.mean() >= 0.95
    assert corner_model.predictions.correct.mean() >= 0.95


def test_the_fast_predictor_differs_by_rounding_only(
    lung_model: EvaluationSet, lung_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_predictor, "fastest_precision", lambda: "mixed_bfloat16")
    predictor = BatchPredictor(lung_folder / "out")
    exact, fast = predictor.predict(lung_model.inputs), predictor.quick.predict(lung_model.inputs)
    difference = np.abs(exact.probabilities - fast.probabilities).max()
    assert 0 < difference < 0.05
    assert predictor.with_model(predictor.model).quick is not predictor.quick


@pytest.mark.usefixtures("lung_model")
def test_a_processor_without_a_fast_precision_predicts_exactly(
    lung_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_predictor, "fastest_precision", lambda: "float32")
    predictor = BatchPredictor(lung_folder / "out")
    assert predictor.quick is predictor


def test_lung_occlusion_of_the_lung_model_passes(lung_model: EvaluationSet) -> None:
    result = occlusion.lung_occlusion(lung_model)
    assert result.status == "PASS"
    assert result.metrics["auroc_lungs_only"] > 0.9
    assert result.value is not None
    assert result.value < 0.8
    assert "ellipses" in result.summary


def test_lung_occlusion_of_the_corner_model_fails(corner_model: EvaluationSet) -> None:
    assert occlusion.lung_occlusion(corner_model).status == "FAIL"


def test_corner_occlusion_of_the_corner_model_gives_a_warning(corner_model: EvaluationSet) -> None:
    result = occlusion.corner_occlusion(corner_model)
    assert result.status == "WARN"
    assert result.value == pytest.approx(0.5, abs=0.1)  # every radiograph with the mark loses it


def test_a_model_with_constant_predictions_is_stable(lung_model: EvaluationSet, tmp_path: Path) -> None:
    constant = BatchPredictor(make_bundle(tmp_path / "constant", "scratch-cnn", size=32))
    kernel, bias = constant.model.get_layer("logits").get_weights()
    constant.model.get_layer("logits").set_weights([kernel * 0, bias + np.arange(len(bias))])
    test_set = build_evaluation_set(constant, lung_model.radiographs, {})
    assert occlusion.corner_occlusion(test_set).status == "PASS"
    assert stability.perturbation_stability(test_set).status == "PASS"


def test_heatmaps_inside_the_lungs_pass_and_heatmaps_outside_fail(lung_model: EvaluationSet) -> None:
    hits = lung_model.predictions.truth & lung_model.predictions.correct
    maps = lung_model.predictor.heatmaps(lung_model.squares[hits], lung_model.target_index)
    mean_map = cv2.resize(np.maximum(maps, 0).mean(axis=0), (64, 64))
    high = np.broadcast_to(mean_map >= np.quantile(mean_map, 0.7), lung_model.lungs.shape)
    inside = heatmap_checks.lung_localisation(replace(lung_model, lungs=high))
    outside = heatmap_checks.lung_localisation(replace(lung_model, lungs=~high))
    assert inside.status == "PASS"
    assert outside.status == "FAIL"


def test_deletion_by_heatmap_lowers_the_probability_more_than_random_deletion(
    lung_model: EvaluationSet,
) -> None:
    result = heatmap_checks.deletion(lung_model, limit=12)
    assert result.status == "PASS"
    assert result.value is not None
    assert result.value < result.metrics["random"]


def test_heatmaps_change_when_weights_are_randomised(lung_model: EvaluationSet) -> None:
    result = heatmap_checks.weight_randomisation(lung_model, limit=12)
    assert set(result.metrics) >= {"similarity after head", "similarity after head and last block"}
    assert result.value is not None
    assert result.value < 0.9
    predicted = lung_model.predictor.predict(lung_model.inputs)
    assert predicted.correct.mean() >= 0.95  # the original weights are unchanged


def test_reproducibility_needs_a_second_training(lung_model: EvaluationSet, lung_folder: Path) -> None:
    assert heatmap_checks.seed_reproducibility(lung_model).status == "NOT_POSSIBLE"
    identical = heatmap_checks.seed_reproducibility(lung_model, second=lung_folder / "out")
    assert identical.status == "PASS"
    assert identical.value == pytest.approx(1)


def test_hirescam_is_complete_for_average_pooling_and_one_dense_layer_only(
    lung_model: EvaluationSet, tmp_path: Path
) -> None:
    tiny = BatchPredictor(make_bundle(tmp_path / "tiny", "tiny-cnn", size=32))
    tiny_set = build_evaluation_set(tiny, lung_model.radiographs[:8], {})
    assert heatmap_checks.hirescam_completeness(tiny_set).status == "NOT_POSSIBLE"
    vgg = BatchPredictor(make_bundle(tmp_path / "vgg", "vgg16", size=32))
    vgg_set = build_evaluation_set(vgg, lung_model.radiographs[:8], {})
    assert heatmap_checks.hirescam_completeness(vgg_set).status == "PASS"


def test_every_perturbation_is_measured(lung_model: EvaluationSet) -> None:
    result = stability.perturbation_stability(lung_model)
    assert set(result.metrics) == set(stability.PERTURBATIONS)
    assert result.value == max(result.metrics.values())
    assert result.n == 40


def test_the_panel_is_not_possible_without_a_reference(lung_model: EvaluationSet, tmp_path: Path) -> None:
    bare = Predictor(make_bundle(tmp_path / "bare", size=32))
    assert out_of_distribution_panel.panel(lung_model, explain=bare.explain).status == "NOT_POSSIBLE"


def test_the_panel_images_are_reproducible_and_in_range(lung_model: EvaluationSet) -> None:
    radiographs = list(lung_model.squares[:3])
    kinds = out_of_distribution_panel.panel_images(radiographs)
    again = out_of_distribution_panel.panel_images(radiographs)
    images = [image for of_kind in kinds.values() for image in of_kind]
    assert {len(of_kind) for of_kind in kinds.values()} == {out_of_distribution_panel.PER_KIND}
    assert all(image.dtype == np.float32 for image in images)
    assert min(image.min() for image in images) >= 0
    assert max(image.max() for image in images) <= 1
    page = kinds["documents"][0]
    assert np.median(page) >= 0.9  # paper
    assert 0.01 < (page < 0.5).mean() < 0.3  # ink
    for kind, of_kind in kinds.items():
        assert all(np.array_equal(one, other) for one, other in zip(of_kind, again[kind], strict=True))


def test_noise_is_detected_as_out_of_distribution(lung_model: EvaluationSet, lung_folder: Path) -> None:
    explain = Predictor(lung_folder / "out").explain
    result = out_of_distribution_panel.panel(lung_model, explain=explain)
    assert result.metrics["noise detected"] == 1
    assert result.metrics["noise auroc"] == 1
    assert result.n == 40


def test_a_mask_replaces_the_ellipses(lung_model: EvaluationSet, tmp_path: Path) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[: SIDE // 2] = 255
    path = tmp_path / "mask.png"
    cv2.imwrite(str(path), mask)
    masks = {lung_model.radiographs[0].path: path}
    test_set = build_evaluation_set(lung_model.predictor, lung_model.radiographs[:2], masks)
    assert test_set.mask_count == 1
    assert test_set.lungs[0, :32].all()
    assert not test_set.lungs[0, 32:].any()
    assert (test_set.lungs[1] == ellipses(64)).all()
    assert "1 of 2" in test_set.lung_region_note


def test_energy_and_pointing_game_equal_the_values_by_hand() -> None:
    maps = np.zeros((1, 4, 4), np.float32)
    maps[0, 0, 0], maps[0, 3, 3] = 3.0, 1.0
    lungs = np.zeros((1, 4, 4), bool)
    lungs[0, :2, :2] = True  # a quarter of the image with three quarters of the energy
    energy, enrichment = heatmap_measures.energy_in_lungs(maps, lungs)
    assert (energy[0], enrichment[0]) == (0.75, 3.0)
    assert heatmap_measures.pointing_game(maps, lungs).tolist() == [True]
    assert heatmap_measures.pointing_game(maps[:, ::-1, ::-1].copy(), lungs).tolist() == [False]


def test_structural_similarity_is_one_for_identical_and_low_for_inverted_images() -> None:
    grey: Grey = np.random.default_rng(1).random((32, 32)).astype(np.float32)
    assert structural_similarity(grey, grey) == pytest.approx(1)
    assert structural_similarity(grey, 1 - grey) < -0.8
    flat = np.full((32, 32), 0.25, np.float32)
    # Two flat images differ in luminance only: (2xy + c1) / (x2 + y2 + c1), c1 = 0.0001.
    expected = (2 * 0.25 * 0.75 + 1e-4) / (0.25**2 + 0.75**2 + 1e-4)
    assert structural_similarity(flat, flat + np.float32(0.5)) == pytest.approx(expected, abs=1e-6)
