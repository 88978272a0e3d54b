"""The checks that need no network, in report order: A1 to A7, B1, B2, B5 and B6."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ml.trust import catalogue, data_checks, shortcut_probes, source_confounding
from ml.trust.catalogue import CHECK_ORDER, CheckSpec
from ml.trust.check import CheckResult
from ml.trust.dataset_scan import DatasetScan

Runner = Callable[[], CheckResult]


def scan_runners(
    scan: DatasetScan, *, model_accuracy: float | None = None, model_balanced_accuracy: float | None = None
) -> Mapping[CheckSpec, Runner]:
    """Return a callable for each check; the accuracies are those of the model on the same test set."""
    return {
        catalogue.PATIENT_SPLIT: partial(data_checks.patient_split, scan),
        catalogue.EXACT_DUPLICATES: partial(data_checks.exact_duplicates, scan),
        catalogue.NEAR_DUPLICATES: partial(data_checks.near_duplicates, scan),
        catalogue.LABEL_CONFLICTS: partial(data_checks.label_conflicts, scan),
        catalogue.SOURCE_CONFOUNDING: partial(
            source_confounding.source_confounding, scan, model_balanced_accuracy=model_balanced_accuracy
        ),
        catalogue.HEADER_PROBE: partial(source_confounding.header_probe, scan),
        catalogue.METADATA_COMPLETENESS: partial(data_checks.metadata_completeness, scan),
        catalogue.BORDER_PROBE: partial(shortcut_probes.border_probe, scan),
        catalogue.NO_LUNG_RATIO: partial(shortcut_probes.no_lung_ratio, scan),
        catalogue.PERMUTED_LABELS: partial(shortcut_probes.permuted_labels, scan),
        catalogue.THUMBNAIL_BASELINE: partial(
            shortcut_probes.thumbnail_baseline, scan, model_accuracy=model_accuracy
        ),
    }


def run_scan_checks(scan: DatasetScan) -> tuple[CheckResult, ...]:
    """Run the checks on a data set without a model."""
    runners = scan_runners(scan)
    return tuple(runners[spec]() for spec in CHECK_ORDER if spec in runners)
