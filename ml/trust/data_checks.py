"""Checks A1 to A4 and A7: do radiographs repeat, do labels agree, what is known of them (guide section 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import combinations
from typing import Final

import numpy as np

from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.dataset_scan import Background, DatasetScan, ScannedImage
from ml.trust.near_duplicate_pairs import SAME_IMAGE

FEW_UNKNOWN: Final = 0.05
COMPLETE: Final = 0.80


@check("A1", blocking=True, threshold="any overlap FAIL; patient unknown for more than 5 % WARN (*)")
def patient_split(survey: DatasetScan) -> Outcome:
    """Look for patients, or pictures, in more than one part of the split."""
    if not survey.parted:
        raise NotPossible("These radiographs are not parted into what is learnt from and what is tested on.")
    several = [group for group in _by_group(survey) if len({one.part for one in group}) > 1]
    unknown = 1 - float(survey.known_patient.mean())
    if not several and unknown == 1:
        raise NotPossible(
            "No radiograph says whose it is, so nobody can tell whether a patient is in two parts."
        )
    share = _leaked(survey)
    status: Status = "FAIL" if several else "WARN" if unknown > FEW_UNKNOWN else "PASS"
    found = _count(len(several), "patient")
    return Outcome(
        status,
        f"{found} in more than one part; {share:.0%} of the test radiographs show somebody who is also learnt from "
        f"or tuned on. The patient is unknown for {unknown:.0%} of the radiographs.",
        value=float(len(several)),
        n=len(survey.radiographs),
        figures={"share_of_test_radiographs_known_from_learning": share, "share_without_patient": unknown},
        examples=tuple(_names(group) for group in several),
    )


@check("A2", blocking=True, threshold="the same pixels across parts FAIL; inside a part WARN")
def exact_duplicates(survey: DatasetScan) -> Outcome:
    """Look for radiographs with the same size and the same 8-bit grey pixels."""
    alike: dict[str, list[ScannedImage]] = defaultdict(list)
    for one in survey.radiographs:
        alike[one.pixels].append(one)
    pairs = [pair for group in alike.values() for pair in combinations(group, 2)]
    across = [pair for pair in pairs if pair[0].part != pair[1].part]
    status: Status = "FAIL" if across else "WARN" if pairs else "PASS"
    return Outcome(
        status,
        f"{_count(len(pairs), 'pair')} of radiographs with exactly the same pixels, {len(across)} across parts.",
        value=float(len(pairs)),
        n=len(survey.radiographs),
        figures={"across_parts": float(len(across))},
        examples=tuple(_names(pair) for pair in (across or pairs)),
    )


@check(
    "A3", blocking=True, threshold="at most 40 of 255 bits apart across parts FAIL; 41 to 62 to be looked at"
)
def near_duplicates(survey: DatasetScan) -> Outcome:
    """Look for radiographs that show the same picture, also changed, inverted, mirrored or turned."""
    radiographs = survey.radiographs
    across = [pair for pair in survey.pairs if radiographs[pair.first].part != radiographs[pair.second].part]
    copies, doubtful = [p for p in across if p.same], [p for p in across if not p.same]
    inside = [p for p in survey.pairs if p.same and radiographs[p.first].part == radiographs[p.second].part]
    # Where radiographs are not parted yet, whoever parts them must keep the copies together.
    doubt = doubtful or (inside and not survey.parted)
    status: Status = "FAIL" if copies else "WARN" if doubt else "PASS"
    return Outcome(
        status,
        f"{_count(len(copies), 'pair')} of radiographs across parts show the same picture; {len(doubtful)} more "
        f"may (41 to 62 bits apart) and should be looked at. Inside one part: {_count(len(inside), 'pair')}.",
        value=float(len(copies)),
        n=len(radiographs),
        figures={
            "to_be_looked_at_across_parts": float(len(doubtful)),
            "inside_parts": float(len(inside)),
            "to_be_looked_at": float(sum(pair.distance > SAME_IMAGE for pair in survey.pairs)),
        },
        examples=tuple(
            f"{_names((radiographs[p.first], radiographs[p.second]))}: {p.distance} bits"
            for p in [*copies, *doubtful, *inside]
        ),
    )


@check("A4", blocking=True, threshold="one patient or picture, two labels, study date equal or unknown FAIL")
def label_conflict(survey: DatasetScan) -> Outcome:
    """Look for patients whose radiographs of the same time, or of an unknown one, carry different labels."""
    mixed = [group for group in _by_group(survey) if len({one.radiograph.label for one in group}) > 1]
    conflicts = [pairs for group in mixed if (pairs := _conflicting(group))]
    if not conflicts and not survey.known_patient.any():
        raise NotPossible("No radiograph says whose it is, so labels of one patient cannot be compared.")
    open_ones, dated = len(conflicts), len(mixed) - len(conflicts)
    return Outcome(
        "FAIL" if conflicts else "PASS",
        f"{_count(open_ones, 'patient')} with different labels for the same or an unknown date, for a person "
        f"to decide; {_count(dated, 'patient')} with different labels at different dates.",
        value=float(open_ones),
        n=len(survey.radiographs),
        figures={"at_different_dates": float(dated)},
        examples=tuple(_names(pairs[0]) for pairs in conflicts),
    )


@check("A7", threshold="known for less than 80 % of the radiographs WARN (*)")
def completeness(survey: DatasetScan) -> Outcome:
    """Count for how many radiographs view, sex, age, date and the ground of the label are known."""
    known = {
        item.name: sum(bool(getattr(one.background, item.name)) for one in survey.radiographs)
        / len(survey.radiographs)
        for item in fields(Background)
    }
    lacking = [f"{name} {share:.0%}" for name, share in known.items() if share < COMPLETE]
    words = (
        f"Known for too few radiographs: {', '.join(lacking)}."
        if lacking
        else "Known for at least 80 % of the radiographs."
    )
    return Outcome(
        "WARN" if lacking else "PASS",
        words,
        value=min(known.values()),
        n=len(survey.radiographs),
        figures=known,
    )


def _by_group(survey: DatasetScan) -> list[list[ScannedImage]]:
    groups: dict[int, list[ScannedImage]] = defaultdict(list)
    for one, number in zip(survey.radiographs, survey.groups.tolist(), strict=True):
        groups[number].append(one)
    return list(groups.values())


def _leaked(survey: DatasetScan) -> float:
    parts = np.array([one.part for one in survey.radiographs])
    tested = survey.groups[parts == "test"]
    return float(np.isin(tested, survey.groups[parts != "test"]).mean()) if len(tested) else 0.0


def _conflicting(group: Sequence[ScannedImage]) -> list[tuple[ScannedImage, ScannedImage]]:
    return [pair for pair in combinations(group, 2) if _conflict(*pair)]


def _conflict(one: ScannedImage, other: ScannedImage) -> bool:
    if one.radiograph.label == other.radiograph.label:
        return False
    times = {one.background.study, other.background.study}
    # The same pixels are the same moment, whatever the dates say.
    return "" in times or len(times) == 1 or one.pixels == other.pixels


def _names(radiographs: Iterable[ScannedImage]) -> str:
    return " = ".join(one.radiograph.path.name for one in radiographs)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
