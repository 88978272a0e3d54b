"""Check H: whether the answers are as good for some patients, views and sources as for others (section 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from scipy.stats import fisher_exact

from ml.metrics import statistics
from ml.metrics.statistics import Truth
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.dataset_scan import Background
from ml.trust.predictions import Predictions

LEAST: Final = 20  # radiographs with and radiographs without the target
GAP: Final = 0.10
P: Final = 0.05
AGES: Final = ((0, 40, "under 40"), (40, 65, "40 to 64"), (65, 200, "65 and over"))
UNKNOWN: Final = ""


@check("H", threshold="sensitivity gap above 0.10 and Fisher's p below 0.05 FAIL, either WARN")
def subgroups(
    answers: Predictions, *, background: Mapping[Path, Background] = MappingProxyType({})
) -> Outcome:
    """Compare the flag's sensitivity between groups of 20 radiographs with and 20 without the target."""
    flagged, truth = answers.scores >= answers.point, answers.truth
    figures: dict[str, float] = {}
    worst: tuple[float, float, str] | None = None
    for trait, values in traits(answers, background).items():
        groups = [name for name in sorted(set(values)) if name != UNKNOWN]
        enough = []
        for name in groups:
            members = np.array([value == name for value in values])
            figures |= _figures(answers, members, f"{trait} {name}")
            if min((members & truth).sum(), (members & ~truth).sum()) >= LEAST:
                enough.append((name, members))
        for name, members in enough:
            gap, p = _against_rest(flagged, truth, members, [other for _, other in enough])
            if worst is None or (gap > GAP, gap) > (worst[0] > GAP, worst[0]):
                worst = (gap, p, f"{trait} {name}")
    if worst is None:
        raise NotPossible(
            f"No two groups have {LEAST} radiographs with {answers.target} and {LEAST} without."
        )
    gap, p, name = worst
    far, sure = gap > GAP, p < P
    status: Status = "FAIL" if far and sure else "WARN" if far or sure else "PASS"
    words = f"The largest gap in sensitivity is {gap:.2f}, for {name} against the other groups (p = {p:.3f})."
    return Outcome(status, words, value=gap, n=len(answers.radiographs), figures=figures)


def traits(answers: Predictions, background: Mapping[Path, Background]) -> dict[str, Sequence[str]]:
    """Name each radiograph's group by view, sex, age and source; empty where nobody knows."""
    known = [background.get(radiograph.path, Background()) for radiograph in answers.radiographs]
    return {
        "view": [
            one.view or radiograph.view for one, radiograph in zip(known, answers.radiographs, strict=True)
        ],
        "sex": [one.sex for one in known],
        "age": [age_band(one.age) for one in known],
        "source": [radiograph.source for radiograph in answers.radiographs],
        "label": [one.reference for one in known],
    }


def age_band(age: str) -> str:
    """Return 'under 40', '40 to 64' or '65 and over' for an age in years; empty for what is no number."""
    try:
        years = float(age)
    except ValueError:
        return UNKNOWN
    return next((name for low, high, name in AGES if low <= years < high), UNKNOWN)


def _figures(answers: Predictions, members: Truth, name: str) -> dict[str, float]:
    truth, flagged = answers.truth, answers.scores >= answers.point
    found = {
        f"{name} with": float((members & truth).sum()),
        f"{name} without": float((members & ~truth).sum()),
    }
    if min(found.values()) < LEAST:
        return {**found, f"{name} insufficient": 1.0}
    for figure, counted, among in (
        ("sensitivity", flagged, members & truth),
        ("specificity", ~flagged, members & ~truth),
    ):
        wins, trials = int((counted & among).sum()), int(among.sum())
        low, high = statistics.wilson(wins, trials)
        found |= {
            f"{name} {figure}": wins / trials,
            f"{name} {figure} low": low,
            f"{name} {figure} high": high,
        }
    found[f"{name} auroc"] = statistics.auroc(answers.scores[members], truth[members])
    found[f"{name} mean p less prevalence"] = float(answers.scores[members].mean() - truth[members].mean())
    return found


def _against_rest(flagged: Truth, truth: Truth, members: Truth, groups: Sequence[Any]) -> tuple[float, float]:
    """Return the gap in sensitivity between a group and the other groups of its trait, and Fisher's p."""
    rest = np.any(groups, axis=0) & ~members
    if not (rest & truth).any():
        return 0.0, 1.0
    table = [
        [int((side & truth & flagged).sum()), int((side & truth & ~flagged).sum())]
        for side in (members, rest)
    ]
    shares = [found / (found + missed) for found, missed in table]
    return abs(shares[0] - shares[1]), float(fisher_exact(table).pvalue)
