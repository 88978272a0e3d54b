"""Checks A1 to A4 and A7: patient overlap, duplicates, label conflicts, metadata (docs/trust.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import combinations
from typing import Final

import numpy as np

from ml.trust import catalogue
from ml.trust.check import NotPossible, Outcome, Status, check
from ml.trust.dataset_scan import DatasetScan, RadiographMetadata, ScannedImage
from ml.trust.near_duplicate_pairs import SAME_IMAGE, Pair

MAX_UNKNOWN: Final = 0.05
COMPLETE: Final = 0.80


@check(
    catalogue.PATIENT_SPLIT,
    threshold="any patient in two parts FAIL; patient unknown for more than 5 % WARN (*)",
)
def patient_split(scan: DatasetScan) -> Outcome:
    """Search for patients, or images, in more than one part of the split."""
    if not scan.is_split:
        raise NotPossible("The radiographs are not split into training, validation and test sets.")
    overlapping = [group for group in _by_group(scan) if len({image.part for image in group}) > 1]
    unknown = 1 - float(scan.known_patient.mean())
    if not overlapping and unknown == 1:
        raise NotPossible(
            "No radiograph names its patient, so patient overlap between the parts cannot be determined."
        )
    share = _test_overlap(scan)
    status: Status = "FAIL" if overlapping else "WARN" if unknown > MAX_UNKNOWN else "PASS"
    return Outcome(
        status,
        f"{_count(len(overlapping), 'patient')} in more than one part of the split; {share:.0%} of the test "
        f"radiographs belong to a patient of the training or validation set. The patient is unknown for "
        f"{unknown:.0%} of the radiographs.",
        value=float(len(overlapping)),
        n=len(scan.radiographs),
        metrics={"share_of_test_radiographs_with_training_patient": share, "share_without_patient": unknown},
        examples=tuple(_names(group) for group in overlapping),
    )


@check(catalogue.EXACT_DUPLICATES, threshold="identical pixels across parts FAIL; within a part WARN")
def exact_duplicates(scan: DatasetScan) -> Outcome:
    """Search for radiographs with the same size and the same 8-bit grey pixels."""
    by_pixels: dict[str, list[ScannedImage]] = defaultdict(list)
    for image in scan.radiographs:
        by_pixels[image.pixel_sha256].append(image)
    pairs = [pair for group in by_pixels.values() for pair in combinations(group, 2)]
    across = [pair for pair in pairs if pair[0].part != pair[1].part]
    status: Status = "FAIL" if across else "WARN" if pairs else "PASS"
    return Outcome(
        status,
        f"{_count(len(pairs), 'pair')} of radiographs with identical pixels, {len(across)} across parts of "
        "the split.",
        value=float(len(pairs)),
        n=len(scan.radiographs),
        metrics={"across_parts": float(len(across))},
        examples=tuple(_names(pair) for pair in (across or pairs)),
    )


@check(
    catalogue.NEAR_DUPLICATES,
    threshold="at most 40 of 255 bits apart across parts FAIL; 41 to 62 bits WARN",
)
def near_duplicates(scan: DatasetScan) -> Outcome:
    """Search for radiographs of the same image, also edited, inverted, mirrored or rotated."""
    across = [pair for pair in scan.pairs if not _in_one_part(scan, pair)]
    duplicates, possible = [pair for pair in across if pair.same], [pair for pair in across if not pair.same]
    within = [pair for pair in scan.pairs if pair.same and _in_one_part(scan, pair)]
    # Before the split, duplicates are a warning: the split must assign them to the same part.
    review = possible or (within and not scan.is_split)
    status: Status = "FAIL" if duplicates else "WARN" if review else "PASS"
    return Outcome(
        status,
        f"{_count(len(duplicates), 'pair')} of radiographs across parts show the same image; "
        f"{len(possible)} more are possible near-duplicates (41 to 62 bits apart) and need review. Within a "
        f"part: {_count(len(within), 'pair')}.",
        value=float(len(duplicates)),
        n=len(scan.radiographs),
        metrics={
            "for_review_across_parts": float(len(possible)),
            "within_parts": float(len(within)),
            "for_review": float(sum(pair.distance > SAME_IMAGE for pair in scan.pairs)),
        },
        examples=tuple(
            f"{_names((scan.radiographs[pair.first], scan.radiographs[pair.second]))}: {pair.distance} bits"
            for pair in [*duplicates, *possible, *within]
        ),
    )


@check(
    catalogue.LABEL_CONFLICTS,
    threshold="a patient or image with two labels and equal or unknown study dates FAIL",
)
def label_conflicts(scan: DatasetScan) -> Outcome:
    """Search for patients with different labels for the same or an unknown study date."""
    several = [group for group in _by_group(scan) if len({image.radiograph.label for image in group}) > 1]
    conflicts = [pairs for group in several if (pairs := _conflicting_pairs(group))]
    if not conflicts and not scan.known_patient.any():
        raise NotPossible("No radiograph names its patient, so the labels of a patient cannot be compared.")
    dated = len(several) - len(conflicts)
    return Outcome(
        "FAIL" if conflicts else "PASS",
        f"{_count(len(conflicts), 'patient')} with different labels for the same or an unknown date, for "
        f"review; {_count(dated, 'patient')} with different labels at different dates.",
        value=float(len(conflicts)),
        n=len(scan.radiographs),
        metrics={"at_different_dates": float(dated)},
        examples=tuple(_names(pairs[0]) for pairs in conflicts),
    )


@check(catalogue.METADATA_COMPLETENESS, threshold="known for less than 80 % of the radiographs WARN (*)")
def metadata_completeness(scan: DatasetScan) -> Outcome:
    """Measure the share of radiographs with known view, sex, age, study date and reference standard."""
    known = {
        item.name: sum(bool(getattr(image.metadata, item.name)) for image in scan.radiographs)
        / len(scan.radiographs)
        for item in fields(RadiographMetadata)
    }
    incomplete = [f"{name} {share:.0%}" for name, share in known.items() if share < COMPLETE]
    summary = (
        f"Known for less than 80 % of the radiographs: {', '.join(incomplete)}."
        if incomplete
        else "All metadata are known for at least 80 % of the radiographs."
    )
    return Outcome(
        "WARN" if incomplete else "PASS",
        summary,
        value=min(known.values()),
        n=len(scan.radiographs),
        metrics=known,
    )


def _by_group(scan: DatasetScan) -> list[list[ScannedImage]]:
    groups: dict[int, list[ScannedImage]] = defaultdict(list)
    for image, number in zip(scan.radiographs, scan.groups.tolist(), strict=True):
        groups[number].append(image)
    return list(groups.values())


def _test_overlap(scan: DatasetScan) -> float:
    parts = np.array([image.part for image in scan.radiographs])
    test = scan.groups[parts == "test"]
    return float(np.isin(test, scan.groups[parts != "test"]).mean()) if len(test) else 0.0


def _in_one_part(scan: DatasetScan, pair: Pair) -> bool:
    return scan.radiographs[pair.first].part == scan.radiographs[pair.second].part


def _conflicting_pairs(group: Sequence[ScannedImage]) -> list[tuple[ScannedImage, ScannedImage]]:
    return [pair for pair in combinations(group, 2) if _conflict(*pair)]


def _conflict(one: ScannedImage, other: ScannedImage) -> bool:
    if one.radiograph.label == other.radiograph.label:
        return False
    dates = {one.metadata.study, other.metadata.study}
    # Identical pixels are one exposure, whatever the dates are.
    return "" in dates or len(dates) == 1 or one.pixel_sha256 == other.pixel_sha256


def _names(images: Iterable[ScannedImage]) -> str:
    return " = ".join(image.radiograph.path.name for image in images)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
