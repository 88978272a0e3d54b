"""The trust report of one model version: runs every check in the order of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from sklearn.metrics import balanced_accuracy_score

from ml.datasets.hashing import hash_fraction
from ml.datasets.patient_split import Split
from ml.images.decoding import decode_radiograph
from ml.inference.overlay import overlay_png
from ml.inference.predictor import Predictor
from ml.metrics.evaluation_result import from_logits
from ml.records import LabelledImage
from ml.trust import (
    abstention,
    catalogue,
    discrimination,
    heatmap_checks,
    occlusion,
    out_of_distribution_panel,
    reliability,
    source_held_out,
    stability,
    subgroups,
)
from ml.trust.batch_predictor import BatchPredictor
from ml.trust.catalogue import CHECK_ORDER, CheckSpec
from ml.trust.check import CheckResult
from ml.trust.dataset_scan import DatasetScan, RadiographMetadata, scan_dataset
from ml.trust.evaluation_set import EvaluationSet, build_evaluation_set
from ml.trust.predictions import Predictions
from ml.trust.report import CheckProgress, Example, Report, TrustFindings
from ml.trust.report_files import HTML, JSON
from ml.trust.report_page import report_page
from ml.trust.scan_checks import Runner, scan_runners

CALIBRATION_SHARE: Final = 0.3  # of the patients, where radiographs come without a split
EXAMPLES: Final = 6

OnCheck = Callable[[CheckProgress], None]
OnStart = Callable[[int, int, CheckSpec], None]  # (number from 1, total, check)


@dataclass(frozen=True)
class SupplementaryData:
    """Data besides the radiographs: lung masks, metadata, and a second training."""

    masks: Mapping[Path, Path] = field(default_factory=dict)
    metadata: Mapping[Path, RadiographMetadata] = field(default_factory=dict)
    second: Path | None = None  # a bundle of the same recipe with another seed


@dataclass(frozen=True)
class _CheckInputs:
    scan: DatasetScan
    test_set: EvaluationSet
    calibration: Predictions | None
    predictor: Predictor
    supplementary: SupplementaryData


NO_SUPPLEMENTARY_DATA: Final = SupplementaryData()


def calibration_test_split(radiographs: Sequence[LabelledImage]) -> Split:
    """Split radiographs outside a version's training data into calibration and test sets, by patient."""
    calibration = {
        radiograph.patient
        for radiograph in radiographs
        if hash_fraction(radiograph.patient, "trust") < CALIBRATION_SHARE
    }
    return Split(
        train=(),
        validation=tuple(radiograph for radiograph in radiographs if radiograph.patient in calibration),
        test=tuple(radiograph for radiograph in radiographs if radiograph.patient not in calibration),
    )


def run_checks(
    directory: Path,
    split: Split,
    *,
    supplementary: SupplementaryData = NO_SUPPLEMENTARY_DATA,
    on_check: OnCheck = lambda _progress: None,
    on_start: OnStart = lambda _number, _total, _check: None,
    with_images: bool = False,
) -> TrustFindings:
    """Run all checks of a bundle; raises BundleError, and ValueError if no test radiograph is readable.

    Metrics are measured on `split.test`, thresholds are set on `split.validation`. `on_start` is called
    before each check, `on_check` after it. `with_images` adds example radiographs: only where every reader of
    the report may see them.
    """
    batch_predictor = BatchPredictor(directory)
    test_set = build_evaluation_set(batch_predictor, split.test, supplementary.masks)
    if not test_set.radiographs:
        raise ValueError("No radiograph of the test set could be read.")
    validation = batch_predictor.load(split.validation)
    inputs = _CheckInputs(
        scan=scan_dataset(split, batch_predictor.manifest.preprocessing, metadata=supplementary.metadata),
        test_set=test_set,
        calibration=batch_predictor.predict(validation) if validation.radiographs else None,
        predictor=Predictor(directory),
        supplementary=supplementary,
    )
    report = _report(inputs, tuple(_results(inputs, on_start, on_check)))
    predictions, manifest = test_set.predictions, batch_predictor.manifest
    return TrustFindings(
        report,
        manifest,
        predictions,
        from_logits(manifest, predictions.radiographs, predictions.logits),
        tuple(_examples(test_set, inputs.predictor)) if with_images else (),
    )


def write(findings: TrustFindings, folder: Path) -> None:
    """Write the report as JSON and as HTML into an existing folder."""
    (folder / JSON).write_text(json.dumps(findings.report.to_json(), indent=1), encoding="utf-8")
    (folder / HTML).write_text(report_page(findings), encoding="utf-8")


def _results(inputs: _CheckInputs, on_start: OnStart, on_check: OnCheck) -> Iterator[CheckResult]:
    runners = _runners(inputs)
    for number, spec in enumerate(CHECK_ORDER, start=1):
        on_start(number, len(CHECK_ORDER), spec)
        result = runners[spec]()
        on_check(CheckProgress(number, len(CHECK_ORDER), result))
        yield result


def _runners(inputs: _CheckInputs) -> Mapping[CheckSpec, Runner]:
    predictions = inputs.test_set.predictions
    balanced = float(balanced_accuracy_score(predictions.label_indices, predictions.predicted))
    accuracy = float(predictions.correct.mean())
    return {
        **scan_runners(inputs.scan, model_accuracy=accuracy, model_balanced_accuracy=balanced),
        catalogue.SOURCE_HELD_OUT: partial(source_held_out.source_held_out, inputs.scan),
        **_prediction_runners(inputs),
        **_network_runners(inputs),
    }


def _prediction_runners(inputs: _CheckInputs) -> Mapping[CheckSpec, Runner]:
    predictions, calibration = inputs.test_set.predictions, inputs.calibration
    return {
        catalogue.TARGET_AUROC: partial(discrimination.target_auroc, predictions),
        catalogue.OPERATING_POINT: partial(discrimination.operating_point, predictions),
        catalogue.PREDICTIVE_VALUES: partial(discrimination.predictive_values, predictions),
        catalogue.CALIBRATION_ERROR: partial(reliability.calibration_error, predictions),
        catalogue.CALIBRATION_SLOPE: partial(reliability.calibration_slope, predictions),
        catalogue.RISK_COVERAGE: partial(abstention.risk_by_coverage, predictions, calibration=calibration),
        catalogue.CONFORMAL_COVERAGE: partial(
            abstention.conformal_coverage, predictions, calibration=calibration
        ),
        catalogue.SUBGROUP_SENSITIVITY: partial(
            subgroups.subgroup_sensitivity, predictions, metadata=inputs.supplementary.metadata
        ),
    }


def _network_runners(inputs: _CheckInputs) -> Mapping[CheckSpec, Runner]:
    test_set, second = inputs.test_set, inputs.supplementary.second
    return {
        catalogue.LUNG_OCCLUSION: partial(occlusion.lung_occlusion, test_set),
        catalogue.CORNER_OCCLUSION: partial(occlusion.corner_occlusion, test_set),
        catalogue.OUT_OF_DISTRIBUTION_PANEL: partial(
            out_of_distribution_panel.panel, test_set, explain=inputs.predictor.explain
        ),
        catalogue.LUNG_LOCALISATION: partial(heatmap_checks.lung_localisation, test_set),
        catalogue.DELETION: partial(heatmap_checks.deletion, test_set),
        catalogue.WEIGHT_RANDOMISATION: partial(heatmap_checks.weight_randomisation, test_set),
        catalogue.SEED_REPRODUCIBILITY: partial(heatmap_checks.seed_reproducibility, test_set, second=second),
        catalogue.HIRESCAM_COMPLETENESS: partial(heatmap_checks.hirescam_completeness, test_set),
        catalogue.PERTURBATION_STABILITY: partial(stability.perturbation_stability, test_set),
    }


def _report(inputs: _CheckInputs, results: tuple[CheckResult, ...]) -> Report:
    scan, test_set = inputs.scan, inputs.test_set
    excluded = {item.radiograph.path: item for item in (*scan.excluded, *test_set.inputs.excluded)}
    version = test_set.predictor.manifest.version
    return Report(version, scan.fingerprint, scan.preprocessing, results, tuple(excluded.values()))


def _examples(test_set: EvaluationSet, predictor: Predictor) -> Iterator[Example]:
    """Yield the three correct target predictions and the three errors with the highest target probability."""
    predictions = test_set.predictions
    order = np.argsort(-predictions.scores, kind="stable")
    correct = [index for index in order if predictions.truth[index] and predictions.correct[index]]
    wrong = [index for index in order if not predictions.correct[index]]
    for index in (*correct[: EXAMPLES // 2], *wrong[: EXAMPLES // 2]):
        grey = decode_radiograph(predictions.radiographs[index].path.read_bytes()).grey
        explanation = predictor.explain(grey)
        reference = predictor.manifest.heatmap_reference.get(predictions.target, 1.0)
        heatmap = explanation.maps[predictions.target]
        png = overlay_png(grey, heatmap, explanation.frame, reference=reference, longest=320)
        predicted = predictions.classes[int(predictions.predicted[index])]
        yield Example(predictions.radiographs[index].label, predicted, float(predictions.scores[index]), png)
