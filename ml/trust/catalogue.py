"""The trust checks in report order: id, short name, group, and whether a failure blocks (docs/trust.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DATA: Final = "Data set"
SHORTCUTS: Final = "Shortcut learning"
DISCRIMINATION: Final = "Discrimination"
CALIBRATION: Final = "Calibration"
UNCERTAINTY: Final = "Abstention and prediction sets"
OUT_OF_DISTRIBUTION: Final = "Out-of-distribution detection"
HEATMAPS: Final = "Heatmaps"
SUBGROUPS: Final = "Subgroups"
STABILITY: Final = "Stability"


@dataclass(frozen=True)
class CheckSpec:
    """Identity of one trust check."""

    id: str
    name: str
    group: str
    blocking: bool = False
    fails_if_not_possible: bool = False


PATIENT_SPLIT: Final = CheckSpec("A1", "Patient split", DATA, blocking=True)
EXACT_DUPLICATES: Final = CheckSpec("A2", "Exact duplicates", DATA, blocking=True)
NEAR_DUPLICATES: Final = CheckSpec("A3", "Near-duplicates", DATA, blocking=True)
LABEL_CONFLICTS: Final = CheckSpec("A4", "Label conflicts", DATA, blocking=True)
SOURCE_CONFOUNDING: Final = CheckSpec("A5", "Source and label confounding", DATA, blocking=True)
HEADER_PROBE: Final = CheckSpec("A6", "File header probe", DATA, blocking=True)
METADATA_COMPLETENESS: Final = CheckSpec("A7", "Metadata completeness", DATA)
BORDER_PROBE: Final = CheckSpec("B1", "Border probe", SHORTCUTS, blocking=True)
NO_LUNG_RATIO: Final = CheckSpec("B2", "Masked-lung probe", SHORTCUTS, blocking=True)
LUNG_OCCLUSION: Final = CheckSpec("B3", "Lung occlusion", SHORTCUTS, blocking=True)
# Without a held-out source nothing is known of the performance in another hospital.
SOURCE_HELD_OUT: Final = CheckSpec(
    "B4", "Held-out source", SHORTCUTS, blocking=True, fails_if_not_possible=True
)
PERMUTED_LABELS: Final = CheckSpec("B5", "Permuted labels", SHORTCUTS)
THUMBNAIL_BASELINE: Final = CheckSpec("B6", "Thumbnail baseline", SHORTCUTS)
CORNER_OCCLUSION: Final = CheckSpec("B7", "Corner occlusion", SHORTCUTS)
TARGET_AUROC: Final = CheckSpec("C1", "AUROC of the target finding", DISCRIMINATION)
OPERATING_POINT: Final = CheckSpec("C2", "Operating point", DISCRIMINATION)
PREDICTIVE_VALUES: Final = CheckSpec("C3", "Positive predictive value", DISCRIMINATION)
CALIBRATION_ERROR: Final = CheckSpec("D1", "Calibration error", CALIBRATION)
CALIBRATION_SLOPE: Final = CheckSpec("D2", "Calibration slope", CALIBRATION)
RISK_COVERAGE: Final = CheckSpec("E1", "Risk-coverage curve", UNCERTAINTY)
CONFORMAL_COVERAGE: Final = CheckSpec("E2", "Conformal coverage", UNCERTAINTY)
OUT_OF_DISTRIBUTION_PANEL: Final = CheckSpec("F", "Out-of-distribution panel", OUT_OF_DISTRIBUTION)
LUNG_LOCALISATION: Final = CheckSpec("G1", "Heatmap localisation in the lungs", HEATMAPS)
DELETION: Final = CheckSpec("G2", "Deletion curve", HEATMAPS)
WEIGHT_RANDOMISATION: Final = CheckSpec("G3", "Weight randomisation", HEATMAPS)
SEED_REPRODUCIBILITY: Final = CheckSpec("G4", "Reproducibility across seeds", HEATMAPS)
HIRESCAM_COMPLETENESS: Final = CheckSpec("G5", "HiResCAM completeness", HEATMAPS)
SUBGROUP_SENSITIVITY: Final = CheckSpec("H", "Sensitivity by subgroup", SUBGROUPS)
PERTURBATION_STABILITY: Final = CheckSpec("I", "Stability under perturbation", STABILITY)

CHECK_ORDER: Final = (
    PATIENT_SPLIT,
    EXACT_DUPLICATES,
    NEAR_DUPLICATES,
    LABEL_CONFLICTS,
    SOURCE_CONFOUNDING,
    HEADER_PROBE,
    METADATA_COMPLETENESS,
    BORDER_PROBE,
    NO_LUNG_RATIO,
    LUNG_OCCLUSION,
    SOURCE_HELD_OUT,
    PERMUTED_LABELS,
    THUMBNAIL_BASELINE,
    CORNER_OCCLUSION,
    TARGET_AUROC,
    OPERATING_POINT,
    PREDICTIVE_VALUES,
    CALIBRATION_ERROR,
    CALIBRATION_SLOPE,
    RISK_COVERAGE,
    CONFORMAL_COVERAGE,
    OUT_OF_DISTRIBUTION_PANEL,
    LUNG_LOCALISATION,
    DELETION,
    WEIGHT_RANDOMISATION,
    SEED_REPRODUCIBILITY,
    HIRESCAM_COMPLETENESS,
    SUBGROUP_SENSITIVITY,
    PERTURBATION_STABILITY,
)
