"""Metrics of a bundle on labelled radiographs, compared with scikit-learn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score

from ml.images.decoding import decode_radiograph
from ml.inference.predictor import Predictor
from ml.metrics.evaluation import evaluate
from ml.metrics.evaluation_result import Evaluation, from_logits
from ml.records import LabelledImage
from tests.ml.evaluations import CLASSES, MANIFEST, evaluation_with_errors, labelled_images
from tests.radiographs import radiograph_png
from tests.small_bundle import make_bundle


@pytest.fixture
def noisy() -> tuple[Evaluation, np.ndarray, np.ndarray]:
    random = np.random.default_rng(8)
    truth = random.integers(0, 3, 150)
    logits = np.eye(3)[truth] * 1.5 + random.normal(0, 1, (150, 3))
    evaluation = from_logits(MANIFEST, labelled_images([CLASSES[index] for index in truth], 2), logits)
    return evaluation, truth, logits


def test_the_confusion_matrix_equals_that_of_scikit_learn(
    noisy: tuple[Evaluation, np.ndarray, np.ndarray],
) -> None:
    evaluation, truth, logits = noisy
    assert evaluation.labels == CLASSES
    assert (np.array(evaluation.confusion) == confusion_matrix(truth, logits.argmax(axis=1))).all()


def test_log_loss_and_auroc_equal_those_of_scikit_learn(
    noisy: tuple[Evaluation, np.ndarray, np.ndarray],
) -> None:
    evaluation, truth, logits = noisy
    probabilities = softmax(logits, axis=1)
    assert evaluation.log_loss == pytest.approx(log_loss(truth, probabilities))
    for index, label in enumerate(CLASSES):
        auroc = evaluation.per_class[label].auroc
        assert auroc.value == pytest.approx(roc_auc_score(truth == index, probabilities[:, index]))
        assert auroc.low < auroc.value < auroc.high


def test_a_probability_at_or_above_the_operating_point_sets_the_flag() -> None:
    logits = np.log(np.array([[0.45, 0.5, 0.05], [0.39, 0.5, 0.11], [0.5, 0.3, 0.2]]))
    evaluation = from_logits(MANIFEST, labelled_images(["covid-19", "covid-19", "normal"]), logits)
    covid = evaluation.per_class["covid-19"]
    assert (covid.sensitivity.value, covid.flag_sensitivity.value) == (0, 0.5)
    assert (covid.flag_specificity.value, covid.flag_specificity.n) == (0, 1)


def test_the_temperature_changes_probabilities_but_no_predicted_finding(
    noisy: tuple[Evaluation, np.ndarray, np.ndarray],
) -> None:
    evaluation, truth, logits = noisy
    radiographs = labelled_images([CLASSES[index] for index in truth], 2)
    cooler = from_logits(replace(MANIFEST, temperature=3.0), radiographs, logits)
    assert cooler.confusion == evaluation.confusion
    assert max(cooler.rows[0].probabilities) < max(evaluation.rows[0].probabilities)


def test_a_label_unknown_to_the_network_has_its_own_row() -> None:
    evaluation = from_logits(MANIFEST, labelled_images(["other", "normal"]), np.eye(3)[[0, 2]])
    assert evaluation.labels == (*CLASSES, "other")
    assert evaluation.confusion[3] == (1, 0, 0, 0)
    assert evaluation.per_class["other"].sensitivity.value == 0


def test_rows_contain_neither_patient_nor_file_name(noisy: tuple[Evaluation, np.ndarray, np.ndarray]) -> None:
    stored = json.dumps(noisy[0].to_json()["rows"], allow_nan=False)
    assert "patient" not in stored
    assert "no-such-radiograph" not in stored


def test_a_summary_has_metrics_but_no_rows() -> None:
    summary = evaluation_with_errors(labels=["normal"] * 4).summary()
    assert "rows" not in summary
    assert summary["per_class"]["covid-19"]["sensitivity"]["value"] is None
    json.dumps(summary, allow_nan=False)


@pytest.mark.network
def test_the_evaluation_equals_the_predictor_and_lists_undecodable_files(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    radiographs = []
    for number in range(3):
        path = tmp_path / f"radiograph-{number}.png"
        path.write_bytes(radiograph_png(number))
        radiographs.append(LabelledImage(path, CLASSES[number], f"patient-{number}"))
    (tmp_path / "radiograph-2.png").write_bytes(b"not an image")
    evaluation = evaluate(bundle, radiographs)
    explanation = Predictor(bundle).explain(decode_radiograph(radiographs[0].path.read_bytes()).grey)
    assert evaluation.rows[0].probabilities == pytest.approx(
        tuple(explanation.probabilities.values()), abs=1e-5
    )
    assert evaluation.rows[0].finding == explanation.finding
    assert [(item.radiograph.path.name, item.reason) for item in evaluation.exclusions] == [
        ("radiograph-2.png", "unknown_format")
    ]
