"""All checks that need no network, asked of one survey."""

from __future__ import annotations

from ml.trust import data_checks, shortcut_probes, source_confounding
from ml.trust.check import Check
from ml.trust.dataset_scan import DatasetScan


def model_checks(
    survey: DatasetScan, *, model_accuracy: float | None = None, model_balanced_accuracy: float | None = None
) -> tuple[Check, ...]:
    """Ask A1 to A7, B1, B2, B5 and B6; the model's figures are those on the radiographs surveyed."""
    return (
        data_checks.patient_split(survey),
        data_checks.exact_duplicates(survey),
        data_checks.near_duplicates(survey),
        data_checks.label_conflict(survey),
        source_confounding.source_confounding(survey, model_balanced_accuracy=model_balanced_accuracy),
        source_confounding.header_probe(survey),
        data_checks.completeness(survey),
        shortcut_probes.border_probe(survey),
        shortcut_probes.no_lung_ratio(survey),
        shortcut_probes.permuted_labels(survey),
        shortcut_probes.trivial_baseline(survey, model_accuracy=model_accuracy),
    )
