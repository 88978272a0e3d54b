"""Figures of a bundle on labelled radiographs, and the gate between two versions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score

from ml.images.decoding import decode_radiograph
from ml.inference import calibration
from ml.inference.predictor import Predictor
from ml.metrics.comparison import Comparison, compare
from ml.metrics.evaluation import evaluate
from ml.metrics.evaluation_result import Evaluation, from_logits
from ml.records import Architecture, LabelledImage, Manifest, Preprocessing
from tests.radiographs import radiograph_png
from tests.small_bundle import make_bundle

CLASSES = ("covid-19", "pneumonia", "normal")
MANIFEST = Manifest(
    version="v1",
    architecture=Architecture(),
    preprocessing=Preprocessing(),
    operating_points=dict.fromkeys(CLASSES, 0.4),
    heatmap_reference=dict.fromkeys(CLASSES, 1.0),
)


def _radiographs(labels: Sequence[str], radiographs_of_a_patient: int = 1) -> list[LabelledImage]:
    return [
        LabelledImage(
            Path(f"no-such-radiograph-{number}.png"), label, f"patient-{number // radiographs_of_a_patient}"
        )
        for number, label in enumerate(labels)
    ]


def _answers(*, labels: Sequence[str], wrong: Sequence[int] = (), version: str = "v1") -> Evaluation:
    """Answer rightly and surely but for the radiographs numbered in `wrong`, which are named the next class."""
    named = [(CLASSES.index(label) + (number in wrong)) % 3 for number, label in enumerate(labels)]
    logits = np.eye(3)[named] * 4
    return from_logits(replace(MANIFEST, version=version), _radiographs(labels), logits)


def _compared(labels: Sequence[str], candidate: Sequence[int], active: Sequence[int]) -> Comparison:
    return compare(
        _answers(labels=labels, wrong=candidate, version="v2"), _answers(labels=labels, wrong=active)
    )


@pytest.fixture
def noisy() -> tuple[Evaluation, np.ndarray, np.ndarray]:
    random = np.random.default_rng(8)
    truth = random.integers(0, 3, 150)
    logits = np.eye(3)[truth] * 1.5 + random.normal(0, 1, (150, 3))
    found = from_logits(MANIFEST, _radiographs([CLASSES[place] for place in truth], 2), logits)
    return found, truth, logits


def test_the_confusion_matrix_is_that_of_scikit_learn(
    noisy: tuple[Evaluation, np.ndarray, np.ndarray],
) -> None:
    found, truth, logits = noisy
    assert found.labels == CLASSES
    assert (np.array(found.confusion) == confusion_matrix(truth, logits.argmax(axis=1))).all()


def test_loss_and_areas_are_those_of_scikit_learn(noisy: tuple[Evaluation, np.ndarray, np.ndarray]) -> None:
    found, truth, logits = noisy
    chances = softmax(logits, axis=1)
    assert found.log_loss == pytest.approx(log_loss(truth, chances))
    for place, label in enumerate(CLASSES):
        auroc = found.per_class[label].auroc
        assert auroc.value == pytest.approx(roc_auc_score(truth == place, chances[:, place]))
        assert auroc.low < auroc.value < auroc.high


def test_a_flag_is_raised_from_its_operating_point_on() -> None:
    logits = np.log(np.array([[0.45, 0.5, 0.05], [0.39, 0.5, 0.11], [0.5, 0.3, 0.2]]))
    found = from_logits(MANIFEST, _radiographs(["covid-19", "covid-19", "normal"]), logits)
    covid = found.per_class["covid-19"]
    assert (covid.sensitivity.value, covid.flag_sensitivity.value) == (0, 0.5)
    assert (covid.flag_specificity.value, covid.flag_specificity.n) == (0, 1)


def test_the_temperature_changes_probabilities_but_no_finding(
    noisy: tuple[Evaluation, np.ndarray, np.ndarray],
) -> None:
    found, truth, logits = noisy
    radiographs = _radiographs([CLASSES[place] for place in truth], 2)
    cooler = from_logits(replace(MANIFEST, temperature=3.0), radiographs, logits)
    assert cooler.confusion == found.confusion
    assert max(cooler.rows[0].probabilities) < max(found.rows[0].probabilities)


def test_a_finding_the_network_cannot_name_has_a_row_of_its_own() -> None:
    found = from_logits(MANIFEST, _radiographs(["other", "normal"]), np.eye(3)[[0, 2]])
    assert found.labels == (*CLASSES, "other")
    assert found.confusion[3] == (1, 0, 0, 0)
    assert found.per_class["other"].sensitivity.value == 0


def test_rows_name_neither_patient_nor_file(noisy: tuple[Evaluation, np.ndarray, np.ndarray]) -> None:
    stored = json.dumps(noisy[0].to_json()["rows"], allow_nan=False)
    assert "patient" not in stored
    assert "no-such-radiograph" not in stored


def test_a_summary_has_figures_but_no_rows() -> None:
    summary = _answers(labels=["normal"] * 4).summary()
    assert "rows" not in summary
    assert summary["per_class"]["covid-19"]["sensitivity"]["value"] is None
    json.dumps(summary, allow_nan=False)


def test_clearly_better_is_accepted() -> None:
    found = _compared(["covid-19"] * 120 + ["normal"] * 120, [], range(0, 240, 8))
    assert found.verdict == "accept"
    assert found.sensitivity.difference == pytest.approx(15 / 120)
    assert (found.only_candidate_right, found.only_active_right) == (30, 0)


def test_clearly_worse_is_rejected_with_a_reason() -> None:
    found = _compared(["covid-19"] * 120 + ["normal"] * 120, range(0, 240, 4), [])
    assert found.verdict == "reject"
    assert "70.0%" not in found.reason
    assert "75.0% against 100.0% on 120 radiographs" in found.reason


def test_few_radiographs_are_inconclusive_even_without_a_difference() -> None:
    labels = ["covid-19"] * 10 + ["normal"] * 10
    assert _compared(labels, [], []).verdict == "inconclusive"


def test_enough_radiographs_without_a_difference_are_accepted() -> None:
    labels = ["covid-19"] * 60 + ["normal"] * 60
    assert _compared(labels, [3], [3]).verdict == "accept"


def test_a_test_without_the_target_is_inconclusive() -> None:
    found = compare(
        _answers(labels=["covid-19", "normal"] * 2, version="v2"), _answers(labels=["covid-19", "normal"] * 2)
    )
    assert found.verdict == "inconclusive"
    json.dumps(found.to_json(), allow_nan=False)


def test_mcnemar_alone_can_reject() -> None:
    # The target is told as well as before, but the other classes are not.
    labels = ["covid-19"] * 100 + ["pneumonia"] * 100
    found = _compared(labels, range(100, 125), range(100, 105))
    assert [rule.outcome for rule in found.rules][:2] == ["kept", "broken"]
    assert found.verdict == "reject"


def test_different_radiographs_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="same radiographs"):
        compare(_answers(labels=["normal"] * 3), _answers(labels=["normal"] * 4))


def test_the_temperature_that_made_the_logits_is_found_again() -> None:
    random = np.random.default_rng(3)
    true_logits = random.normal(0, 1.5, (20_000, 3))
    chances = softmax(true_logits, axis=1)
    drawn = (chances.cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1)
    assert calibration.fit_temperature(true_logits * 2.5, drawn) == pytest.approx(2.5, rel=0.05)


def test_nineteen_of_twenty_radiographs_reach_the_operating_point() -> None:
    scores = np.arange(1, 41) / 100
    truth = np.array([True] * 20 + [False] * 20)
    point = calibration.operating_point(scores, truth)
    assert point == 0.02
    assert (scores[truth] >= point).sum() == 19


def test_the_heat_reference_is_the_95th_percentile_of_true_hits() -> None:
    assert calibration.heatmap_reference(list(range(1, 102))) == pytest.approx(96)
    assert calibration.heatmap_reference([]) == 1.0


@pytest.mark.network
def test_evaluation_says_what_the_predictor_says_and_names_what_it_left_out(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    radiographs = []
    for number in range(3):
        path = tmp_path / f"radiograph-{number}.png"
        path.write_bytes(radiograph_png(number))
        radiographs.append(LabelledImage(path, CLASSES[number], f"patient-{number}"))
    (tmp_path / "radiograph-2.png").write_bytes(b"nothing that is an image")
    found = evaluate(bundle, radiographs)
    said = Predictor(bundle).explain(decode_radiograph(radiographs[0].path.read_bytes()).grey)
    assert found.rows[0].probabilities == pytest.approx(tuple(said.probabilities.values()), abs=1e-5)
    assert found.rows[0].finding == said.finding
    assert [(item.radiograph.path.name, item.reason) for item in found.left_out] == [
        ("radiograph-2.png", "unknown_format")
    ]


@pytest.mark.network
def test_calibration_is_written_into_the_bundle(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    radiographs = []
    for number in range(6):
        path = tmp_path / f"radiograph-{number}.png"
        path.write_bytes(radiograph_png(number))
        radiographs.append(LabelledImage(path, CLASSES[number % 3], f"patient-{number}"))
    manifest = calibration.calibrate(bundle, radiographs)
    assert Predictor(bundle).manifest == manifest
    assert set(manifest.operating_points) == set(CLASSES)
    assert all(reference > 0 for reference in manifest.heatmap_reference.values())
