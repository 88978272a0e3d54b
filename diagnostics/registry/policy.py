"""The operating point of a deployment: a threshold chosen from the stored thresholds of the test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _

from diagnostics.registry.errors import OperatingPointUnavailable

COVID_19: Final = "covid-19"
SENSITIVITY: Final = "sensitivity"
SPECIFICITY: Final = "specificity"
THRESHOLD: Final = "threshold"
TARGETS: Final = (SENSITIVITY, SPECIFICITY, THRESHOLD)

Json = Mapping[str, Any]


@dataclass(frozen=True)
class OperatingPointRequest:
    """What a user asks for: a lowest sensitivity or specificity, or a threshold, of the target finding.

    Raises OperatingPointUnavailable for a value outside 0 to 1.
    """

    target: str
    value: float
    prevalence: float | None = None  # of the finding at the site; for predictive values
    thresholds: dict[str, float] = field(default_factory=dict)  # finding -> threshold, given by the user

    def __post_init__(self) -> None:
        shares = [
            self.value,
            *self.thresholds.values(),
            *([] if self.prevalence is None else [self.prevalence]),
        ]
        if self.target not in TARGETS or any(not 0 <= share <= 1 for share in shares):
            raise OperatingPointUnavailable(
                _("An operating point is a sensitivity, a specificity or a threshold from 0 to 1.")
            )


@dataclass(frozen=True)
class OperatingPoint:
    """A chosen threshold, and what was measured at it on the test set; None where that is not stored."""

    finding: str
    target: str
    value: float
    threshold: float
    sensitivity: float | None
    specificity: float | None
    with_finding: int
    without_finding: int
    prevalence: float | None
    ppv: float | None
    npv: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the operating point as stored with a deployment."""
        return asdict(self)


def first_evaluation(manifest: Json) -> Json | None:
    """Return the first stored evaluation of a version, of its test set; None if it was not evaluated."""
    stored: Json = manifest.get("metrics") or {}
    parts = (part for part in (stored, *stored.values()) if isinstance(part, dict) and "per_class" in part)
    return next(parts, None)


def target_of(manifest: Json) -> str:
    """Return the finding whose operating point is chosen: that of the stored curves, or COVID-19."""
    curves: Json = (first_evaluation(manifest) or {}).get("curves") or {}
    return str(curves.get("target") or COVID_19)


def choose(evaluation: Json | None, request: OperatingPointRequest) -> OperatingPoint:
    """Return the operating point that meets a request; raises OperatingPointUnavailable.

    Of the thresholds that reach a sensitivity the highest, of those that reach a specificity the lowest.
    """
    curves: Json = (evaluation or {}).get("curves") or {}
    points: Sequence[Json] = curves.get("thresholds") or ()
    finding = str(curves.get("target") or COVID_19)
    if request.target == THRESHOLD:
        point = _at(points, request.value)
    elif not points:
        raise OperatingPointUnavailable(
            _("No thresholds of a test set are stored for this version. Its own operating points apply.")
        )
    else:
        point = _reaching(points, request)
    positives = int(curves.get("with_target") or 0)
    total = int((evaluation or {}).get("radiographs") or 0)
    ppv, npv = predictive_values(point["sensitivity"], point["specificity"], request.prevalence)
    return OperatingPoint(
        finding=finding,
        target=request.target,
        value=request.value,
        threshold=float(point["threshold"]),
        sensitivity=point["sensitivity"],
        specificity=point["specificity"],
        with_finding=positives if points else 0,
        without_finding=total - positives if points else 0,
        prevalence=request.prevalence,
        ppv=ppv,
        npv=npv,
    )


def parse_request(raw: Any, manifest: Json) -> OperatingPointRequest | None:
    """Return the request of a script; raises OperatingPointUnavailable.

    None keeps the version's own thresholds. A number is a threshold for the target finding; an object has
    `sensitivity`, `specificity` or `threshold`, or thresholds by finding, and may have `prevalence`.
    """
    if raw is None:
        return None
    fields = dict(raw) if isinstance(raw, Mapping) else {THRESHOLD: raw}
    prevalence = fields.pop("prevalence", None)
    asked = [name for name in TARGETS if name in fields]
    numbers = [*fields.values(), *([] if prevalence is None else [prevalence])]
    if not fields or len(asked) > 1 or (asked and len(fields) > 1) or not all(map(_is_number, numbers)):
        raise OperatingPointUnavailable(
            _("Name one of sensitivity, specificity and threshold, or a threshold of each finding: numbers.")
        )
    if asked:
        return OperatingPointRequest(asked[0], float(fields[asked[0]]), prevalence)
    thresholds = {str(name): float(value) for name, value in fields.items()}
    target = target_of(manifest)
    own = thresholds.get(target, (manifest.get("operating_points") or {}).get(target, 0.5))
    return OperatingPointRequest(THRESHOLD, own, prevalence, thresholds)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def predictive_values(
    sensitivity: float | None, specificity: float | None, prevalence: float | None
) -> tuple[float | None, float | None]:
    """Return the positive and the negative predictive value at a prevalence (Bayes); None where undefined."""
    if sensitivity is None or specificity is None or prevalence is None:
        return None, None
    true_positives, false_negatives = prevalence * sensitivity, prevalence * (1 - sensitivity)
    true_negatives, false_positives = (1 - prevalence) * specificity, (1 - prevalence) * (1 - specificity)
    flagged, others = true_positives + false_positives, true_negatives + false_negatives
    return true_positives / flagged if flagged else None, true_negatives / others if others else None


def _reaching(points: Sequence[Json], request: OperatingPointRequest) -> Json:
    ordered = points if request.target == SENSITIVITY else tuple(reversed(points))
    found = next((point for point in ordered if point[request.target] >= request.value), None)
    if found is None:
        raise OperatingPointUnavailable(
            _("No threshold of the test set reaches this value. Choose a lower sensitivity or specificity.")
        )
    return found


def _at(points: Sequence[Json], threshold: float) -> Json:
    """Return what was measured at a threshold: the values of the lowest score at or above it."""
    above = [point for point in points if point["threshold"] >= threshold]
    if not points:
        return {"threshold": threshold, "sensitivity": None, "specificity": None}
    measured = above[-1] if above else {"sensitivity": 0.0, "specificity": 1.0}
    return {**measured, "threshold": threshold}
