"""Checks C: AUROC, sensitivity and specificity at the operating point, predictive values (docs/trust.md)."""

from __future__ import annotations

from typing import Final

from sklearn.metrics import average_precision_score, balanced_accuracy_score, f1_score, matthews_corrcoef

from ml.metrics import statistics
from ml.metrics.evaluation_result import SEED
from ml.trust import catalogue
from ml.trust.check import NotPossible, Outcome, Status, check, interval_text
from ml.trust.predictions import Predictions

MIN_SENSITIVITY: Final = 0.85  # of the lower limit
MIN_SPECIFICITY: Final = 0.50
PREVALENCES: Final = (0.05, 0.10, 0.30)
EXTERNAL_PERFORMANCE: Final = (
    "Published networks reach 0.70 to 0.90 on radiographs from hospitals outside their training data."
)


@check(catalogue.TARGET_AUROC, threshold="none; published external AUROCs are 0.70 to 0.90")
def target_auroc(predictions: Predictions) -> Outcome:
    """Measure the AUROC of the target against all other findings, and each class with Wilson intervals."""
    truth = predictions.truth_of_both_classes()
    weights = statistics.patient_weights(predictions.patients, seed=SEED)
    ci = statistics.percentile_interval(statistics.weighted_auroc(predictions.scores, truth, weights))
    value = statistics.auroc(predictions.scores, truth)
    labels, predicted = predictions.label_indices, predictions.predicted
    metrics = {
        "auprc": float(average_precision_score(truth, predictions.scores)),
        "macro_f1": float(f1_score(labels, predicted, average="macro", zero_division=0)),
        "mcc": float(matthews_corrcoef(labels, predicted)),
        "balanced_accuracy": float(balanced_accuracy_score(labels, predicted)),
        "accuracy": float(predictions.correct.mean()),
    }
    for index, label in enumerate(predictions.classes):
        metrics |= _class_metrics(predictions, index, label)
    return Outcome(
        "PASS",
        f"AUROC for {predictions.target} against all other findings: {value:.3f} ({interval_text(ci)}). "
        f"{EXTERNAL_PERFORMANCE}",
        value=value,
        ci=ci,
        n=len(predictions.radiographs),
        metrics=metrics,
    )


@check(
    catalogue.OPERATING_POINT,
    threshold="lower limit of the sensitivity at least 0.85 and specificity at least 0.50 (*), else WARN",
)
def operating_point(predictions: Predictions) -> Outcome:
    """Measure sensitivity and specificity at the operating point, which was set on other radiographs."""
    truth, flagged = predictions.truth_of_both_classes(), predictions.flagged
    positives, negatives = int(truth.sum()), int((~truth).sum())
    true_positives, true_negatives = int((flagged & truth).sum()), int((~flagged & ~truth).sum())
    sensitivity, specificity = true_positives / positives, true_negatives / negatives
    ci = statistics.wilson(true_positives, positives)
    low, high = statistics.wilson(true_negatives, negatives)
    status: Status = "PASS" if ci[0] >= MIN_SENSITIVITY and specificity >= MIN_SPECIFICITY else "WARN"
    return Outcome(
        status,
        f"At the operating point {predictions.operating_point:.2f}: sensitivity {sensitivity:.0%} "
        f"({true_positives} of {positives}, 95% CI {ci[0]:.0%} to {ci[1]:.0%}), specificity "
        f"{specificity:.0%} ({true_negatives} of {negatives}, 95% CI {low:.0%} to {high:.0%}) for "
        f"{predictions.target}.",
        value=sensitivity,
        ci=ci,
        n=len(predictions.radiographs),
        metrics={
            "operating_point": predictions.operating_point,
            "specificity": specificity,
            "specificity_low": low,
            "specificity_high": high,
        },
    )


@check(catalogue.PREDICTIVE_VALUES, threshold="none; the value depends on the prevalence at the site")
def predictive_values(predictions: Predictions) -> Outcome:
    """Compute the positive predictive value at prevalences of 5, 10 and 30 %."""
    truth, flagged = predictions.truth_of_both_classes(), predictions.flagged
    sensitivity, specificity = float(flagged[truth].mean()), float((~flagged)[~truth].mean())
    if not flagged.any():
        raise NotPossible("No radiograph was flagged.")
    values = {
        prevalence: predictive_value(sensitivity, specificity, prevalence) for prevalence in PREVALENCES
    }
    listed = ", ".join(
        f"{value:.0%} at a prevalence of {prevalence:.0%}" for prevalence, value in values.items()
    )
    return Outcome(
        "PASS",
        f"Positive predictive value: {listed}.",
        n=len(predictions.radiographs),
        metrics={f"at_{round(100 * prevalence)}_percent": value for prevalence, value in values.items()},
    )


def predictive_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Return the positive predictive value by Bayes' theorem; NaN where nothing is flagged."""
    true, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return true / (true + false) if true + false > 0 else float("nan")


def _class_metrics(predictions: Predictions, index: int, label: str) -> dict[str, float]:
    truth, predicted = predictions.label_indices == index, predictions.predicted == index
    pairs = {
        "sensitivity": (predicted, truth),
        "specificity": (~predicted, ~truth),
        "ppv": (truth, predicted),
        "npv": (~truth, ~predicted),
    }
    metrics: dict[str, float] = {}
    for name, (counted, among) in pairs.items():
        successes, trials = int((counted & among).sum()), int(among.sum())
        low, high = statistics.wilson(successes, trials)
        value = successes / trials if trials else float("nan")
        metrics |= {f"{label} {name}": value, f"{label} {name} low": low, f"{label} {name} high": high}
    return {**metrics, f"{label} auroc": statistics.auroc(predictions.probabilities[:, index], truth)}
