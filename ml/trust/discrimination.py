"""Checks C: how well findings are told apart, at the frozen operating point too (guide section 4)."""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, matthews_corrcoef

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.metrics.statistics import Floats
from ml.trust.check import Check, NotPossible, Outcome, Status, check
from ml.trust.predictions import Predictions

LEAST_SENSITIVITY: Final = 0.85  # of the lower limit
LEAST_SPECIFICITY: Final = 0.50
PREVALENCES: Final = (0.05, 0.10, 0.30)
ELSEWHERE: Final = (
    "Published networks reach 0.70 to 0.90 on radiographs of hospitals they have not learnt from."
)


@check("C1", threshold="none; published external AUROCs are 0.70 to 0.90")
def told_apart(answers: Predictions) -> Outcome:
    """Measure how well the target is told from all else, and each class by Wilson's intervals."""
    truth = _both_sides(answers)
    weights = statistics.patient_weights(answers.patients, seed=SEED)
    ci = statistics.percentile_interval(statistics.weighted_auroc(answers.scores, truth, weights))
    value = statistics.auroc(answers.scores, truth)
    figures = {
        "auprc": float(average_precision_score(truth, answers.scores)),
        "macro_f1": float(f1_score(answers.places, answers.named, average="macro", zero_division=0)),
        "mcc": float(matthews_corrcoef(answers.places, answers.named)),
        "balanced_accuracy": float(balanced_accuracy_score(answers.places, answers.named)),
        "accuracy": float(answers.right.mean()),
    }
    for place, label in enumerate(answers.classes):
        figures |= _of_class(answers, place, label)
    return Outcome(
        "PASS",
        f"{answers.target} is told from all else with AUROC {value:.3f} ({ci[0]:.3f} to {ci[1]:.3f}). "
        f"{ELSEWHERE}",
        value=value,
        ci=ci,
        n=len(answers.radiographs),
        figures=figures,
    )


@check(
    "C2",
    threshold="lower limit of the sensitivity at least 0.85 and specificity at least 0.50 (*), else WARN",
)
def operating_point(answers: Predictions) -> Outcome:
    """Measure the flag that is raised from the operating point on; the point was set on other radiographs."""
    truth = _both_sides(answers)
    flagged = answers.scores >= answers.point
    found, quiet = int((flagged & truth).sum()), int((~flagged & ~truth).sum())
    sensitivity, specificity = found / truth.sum(), quiet / (~truth).sum()
    ci = statistics.wilson(found, int(truth.sum()))
    low, high = statistics.wilson(quiet, int((~truth).sum()))
    status: Status = "PASS" if ci[0] >= LEAST_SENSITIVITY and specificity >= LEAST_SPECIFICITY else "WARN"
    return Outcome(
        status,
        f"From {answers.point:.2f} on the flag finds {found} of {truth.sum()} radiographs with {answers.target} "
        f"({ci[0]:.0%} to {ci[1]:.0%}) and stays down for {specificity:.0%} of the others "
        f"({low:.0%} to {high:.0%}).",
        value=float(sensitivity),
        ci=ci,
        n=len(answers.radiographs),
        figures={
            "operating_point": answers.point,
            "specificity": float(specificity),
            "specificity_low": low,
            "specificity_high": high,
        },
    )


@check("C3", threshold="none; the share depends on how common the finding is where it is used")
def predictive_values(answers: Predictions) -> Outcome:
    """Work out how many flags would be right where 5, 10 or 30 % of patients have the finding."""
    truth = _both_sides(answers)
    flagged = answers.scores >= answers.point
    sensitivity, specificity = float(flagged[truth].mean()), float((~flagged)[~truth].mean())
    if not flagged.any():
        raise NotPossible("No flag was raised for any radiograph.")
    values = {share: predictive_value(sensitivity, specificity, share) for share in PREVALENCES}
    told = ", ".join(f"{value:.0%} where {share:.0%} of patients have it" for share, value in values.items())
    figures = {f"at_{round(100 * share)}_percent": value for share, value in values.items()}
    return Outcome(
        "PASS", f"Of all flags these would be right: {told}.", n=len(answers.radiographs), figures=figures
    )


CHECKS: Final = (told_apart, operating_point, predictive_values)


def checks(answers: Predictions) -> tuple[Check, ...]:
    """Ask C1 to C3."""
    return tuple(ask(answers) for ask in CHECKS)


def predictive_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Return the share of flags that are right, by Bayes; NaN where no flag is raised."""
    right, wrong = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return right / (right + wrong) if right + wrong > 0 else float("nan")


def _of_class(answers: Predictions, place: int, label: str) -> dict[str, float]:
    truth, named = answers.places == place, answers.named == place
    pairs = {
        "sensitivity": (named, truth),
        "specificity": (~named, ~truth),
        "ppv": (truth, named),
        "npv": (~truth, ~named),
    }
    found: dict[str, float] = {}
    for name, (counted, among) in pairs.items():
        wins, trials = int((counted & among).sum()), int(among.sum())
        low, high = statistics.wilson(wins, trials)
        value = wins / trials if trials else float("nan")
        found |= {f"{label} {name}": value, f"{label} {name} low": low, f"{label} {name} high": high}
    return {**found, f"{label} auroc": statistics.auroc(_chances(answers, place), truth)}


def _chances(answers: Predictions, place: int) -> Floats:
    chances: Floats = answers.probabilities[:, place]
    return chances


def _both_sides(answers: Predictions) -> np.ndarray:
    truth = answers.truth
    if truth.all() or not truth.any():
        raise NotPossible(f"It needs radiographs with {answers.target} and radiographs without it.")
    return truth
