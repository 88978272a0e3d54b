"""Check B4: what is left where a whole source is held out (guide section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ml.metrics import statistics
from ml.metrics.statistics import Floats, Interval
from ml.trust import cross_validation
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.dataset_scan import DatasetScan

LEAST: Final = 10  # radiographs of each side
LOWER_FAIL: Final = 0.60
GAP_FAIL: Final = 0.15
UPSIDE_DOWN: Final = 0.40

Places = NDArray[np.int_]
Retrain = Callable[[DatasetScan, Places, Places], Floats]  # learnt from, asked about: the target's scores


@check(
    "B4",
    blocking=True,
    threshold="lower limit of the worst source's AUROC below 0.60 FAIL; gap above 0.15 FAIL",
)
def source_held_out(survey: DatasetScan, *, retrain: Retrain | None = None) -> Outcome:
    """Train without each source that shows both sides, and test on it; by a thumbnail probe by default."""
    retrain = retrain or thumbnail_scores
    sources = sources_with_both(survey)
    if not sources:
        raise NotPossible(
            f"No source has {LEAST} radiographs with {survey.target} and {LEAST} without, so nothing is known of "
            "any place that was not learnt from."
        )
    inside = _grouped(survey)
    areas: dict[str, tuple[float, Interval]] = {}
    for name, members in sources.items():
        learnt, asked = np.flatnonzero(~members), np.flatnonzero(members)
        if len(set(survey.truth[learnt].tolist())) < 2:
            continue
        areas[name] = cross_validation.area(
            retrain(survey, learnt, asked), survey.truth[asked], survey.groups[asked]
        )
    if not areas:
        raise NotPossible("Without any one source, only one side is left to learn from.")
    worst = min(areas, key=lambda name: areas[name][0])
    value, ci = areas[worst]
    gap = inside - value
    status: Status = "FAIL" if ci[0] < LOWER_FAIL or gap > GAP_FAIL else "PASS"
    odd = (
        " It ranks radiographs the wrong way round: look at the scores by source."
        if value < UPSIDE_DOWN
        else ""
    )
    return Outcome(
        status,
        f"Learnt without {worst} and tested there: AUROC {value:.3f} ({ci[0]:.3f} to {ci[1]:.3f}), against "
        f"{inside:.3f} with patients of all sources on both sides.{odd}",
        value=value,
        ci=ci,
        n=int(sources[worst].sum()),
        figures={"inside": inside, "gap": gap} | {f"auroc {name}": area for name, (area, _) in areas.items()},
    )


def sources_with_both(survey: DatasetScan) -> dict[str, NDArray[np.bool_]]:
    """Tell the radiographs of each source that holds ten with and ten without the target."""
    names = np.array([one.radiograph.source for one in survey.radiographs], dtype=np.str_)
    found = {name: np.array(names == name, dtype=bool) for name in sorted(set(names.tolist()) - {""})}
    return {
        name: members
        for name, members in found.items()
        if min((members & survey.truth).sum(), (members & ~survey.truth).sum()) >= LEAST
    }


def thumbnail_scores(survey: DatasetScan, learnt: Places, asked: Places) -> Floats:
    """Score radiographs by support vectors on 32 x 32 thumbnails."""
    rows = survey.whole.reshape(len(survey.radiographs), -1)
    part = cross_validation.reduced(cross_validation.Fold(learnt, asked, rows[learnt], rows[asked]))
    scores: Floats = (
        cross_validation.support_vectors()
        .fit(part.learnt_inputs, survey.truth[learnt])
        .decision_function(part.tested_inputs)
    )
    return scores


def _grouped(survey: DatasetScan) -> float:
    places = cross_validation.probe_radiographs(survey)
    truth, groups = survey.truth[places], survey.groups[places]
    parts = cross_validation.thumbnail_folds(survey.whole[places], truth, groups)
    return statistics.auroc(cross_validation.scores(parts, cross_validation.support_vectors, truth), truth)
