"""All checks that need no network, asked of one survey."""

from __future__ import annotations

from ml.trust import data, origin, probes
from ml.trust.check import Check
from ml.trust.survey import Survey


def film_checks(
    survey: Survey, *, model_accuracy: float | None = None, model_balanced_accuracy: float | None = None
) -> tuple[Check, ...]:
    """Ask A1 to A7, B1, B2, B5 and B6; the model's figures are those on the films surveyed."""
    return (
        data.patient_split(survey),
        data.exact_duplicates(survey),
        data.near_duplicates(survey),
        data.label_conflict(survey),
        origin.source_confounding(survey, model_balanced_accuracy=model_balanced_accuracy),
        origin.header_probe(survey),
        data.completeness(survey),
        probes.border_probe(survey),
        probes.no_lung_ratio(survey),
        probes.permuted_labels(survey),
        probes.trivial_baseline(survey, model_accuracy=model_accuracy),
    )
