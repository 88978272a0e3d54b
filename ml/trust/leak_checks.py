"""Checks before a training: shared images, sources, file headers and borders that give the label away.

They need no network. A failure means that a network could reach its figures without looking at the lungs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ml.datasets.class_order import sort_classes
from ml.datasets.image_groups import NearDuplicates
from ml.metrics.statistics import Interval
from ml.records import LabelledImage, Preprocessing
from ml.trust import association
from ml.trust.check import CheckResult, Status
from ml.trust.cropped_copies import cropped_copies
from ml.trust.cross_validation import ScoredRadiographs
from ml.trust.dataset_scan import DatasetScan, ScannedImage, scan_dataset
from ml.trust.shortcut_probes import border_probe, border_scores
from ml.trust.source_confounding import MIN_MIXED, NO_TAGS, FileTags, header_probe, header_scores

LeakCode = Literal["duplicates", "sources", "header", "border"]
Paths = tuple[Path, ...]
Pairs = tuple[tuple[int, int], ...]  # of radiographs, by index

MAX_GROUPS: Final = 50  # of radiographs that a check names


@dataclass(frozen=True)
class LeakCheck:
    """Outcome of one check; `groups` are the radiographs to inspect, of one image or of one finding."""

    code: LeakCode
    status: Status  # FAIL stops a run
    value: float | None = None  # pairs, the smallest mixed-source share, or an AUROC
    ci: Interval | None = None  # 95 %
    n: int = 0  # radiographs that were compared
    findings: tuple[str, ...] = ()  # that come from sources of their own
    groups: tuple[Paths, ...] = field(default=(), repr=False)

    @property
    def failed(self) -> bool:
        """Return whether the check stops a run."""
        return self.status == "FAIL"


@dataclass(frozen=True)
class LeakReport:
    """The outcome of all checks, and the near-duplicates for the split by patient."""

    checks: tuple[LeakCheck, ...]
    near_duplicates: NearDuplicates


def check_for_leaks(
    radiographs: Sequence[LabelledImage], prep: Preprocessing, *, tags: FileTags = NO_TAGS
) -> LeakReport:
    """Read radiographs with the preprocessing of a network and run all checks on them."""
    scan = scan_dataset(radiographs, prep)
    cropped = cropped_copies(scan.squares, _patients(scan))
    return LeakReport(
        run_leak_checks(scan, tags=tags, cropped=cropped), near_duplicates_of(scan, cropped=cropped)
    )


def run_leak_checks(
    scan: DatasetScan, *, tags: FileTags = NO_TAGS, cropped: Pairs = ()
) -> tuple[LeakCheck, ...]:
    """Run all checks on a data set without a split; `tags` are properties of the files as they came."""
    return (
        duplicates_across_patients(scan, cropped=cropped),
        single_sources(scan),
        _probe("header", header_probe(scan, tags=tags), scan, lambda: header_scores(scan, tags=tags)),
        _probe("border", border_probe(scan), scan, lambda: border_scores(scan)),
    )


def near_duplicates_of(scan: DatasetScan, *, cropped: Pairs = ()) -> NearDuplicates:
    """Return the pairs of a scan that show one image in any rotation, for the split by patient."""
    paths = [image.radiograph.path for image in scan.radiographs]
    pairs = tuple((paths[first], paths[second]) for first, second in _same_image(scan, cropped))
    return NearDuplicates(pairs, scan.excluded)


def duplicates_across_patients(scan: DatasetScan, *, cropped: Pairs = ()) -> LeakCheck:
    """Search for one image under two patients, also edited, inverted, mirrored, rotated or cropped."""
    images = scan.radiographs
    patients = _patients(scan)
    pairs = [
        (images[first], images[second])
        for first, second in _same_image(scan, cropped)
        if patients[first] != patients[second]
    ]
    return LeakCheck(
        "duplicates",
        "FAIL" if pairs else "PASS",
        value=float(len(pairs)),
        n=len(images),
        groups=tuple(_paths(pair) for pair in pairs[:MAX_GROUPS]),
    )


def _same_image(scan: DatasetScan, cropped: Pairs) -> list[tuple[int, int]]:
    whole = {(pair.first, pair.second) for pair in scan.pairs if pair.same}
    return sorted(whole | {(min(pair), max(pair)) for pair in cropped})


def _patients(scan: DatasetScan) -> NDArray[np.str_]:
    return np.array([image.radiograph.patient for image in scan.radiographs], dtype=np.str_)


def single_sources(scan: DatasetScan) -> LeakCheck:
    """Search for findings of which less than half come from sources that hold other findings too."""
    known = [image for image in scan.radiographs if image.radiograph.source]
    labels = [image.radiograph.label for image in known]
    if len(set(labels)) < 2:
        return LeakCheck("sources", "NOT_POSSIBLE", n=len(known))
    _, table = association.label_by_source(labels, [image.radiograph.source for image in known])
    shares = {
        label: association.mixed_source_share(table, row) for row, label in enumerate(sort_classes(labels))
    }
    alone = tuple(label for label, share in shares.items() if share < MIN_MIXED)
    return LeakCheck(
        "sources",
        "FAIL" if alone else "PASS",
        value=min(shares.values()),
        n=len(known),
        findings=alone,
        groups=tuple(_unmixed(known, label) for label in alone),
    )


def _unmixed(known: list[ScannedImage], label: str) -> Paths:
    """Return radiographs of a finding from sources that hold no other, a few of each source."""
    others = {image.radiograph.source for image in known if image.radiograph.label != label}
    own = [
        image for image in known if image.radiograph.label == label and image.radiograph.source not in others
    ]
    own.sort(key=lambda image: (image.radiograph.source, image.radiograph.path))
    sources = Counter(image.radiograph.source for image in own)
    each = max(1, MAX_GROUPS // max(1, len(sources)))
    grouped = groupby(own, key=lambda image: image.radiograph.source)
    return _paths([image for _, images in grouped for image in list(images)[:each]])[:MAX_GROUPS]


def _probe(
    code: LeakCode, result: CheckResult, scan: DatasetScan, scores: Callable[[], ScoredRadiographs]
) -> LeakCheck:
    failed = result.status == "FAIL"
    return LeakCheck(
        code,
        result.status,
        value=result.value,
        ci=result.ci,
        n=result.n,
        findings=(scan.target,) if failed else (),
        groups=(_recognised(scan, scores()),) if failed else (),
    )


def _recognised(scan: DatasetScan, scored: ScoredRadiographs) -> Paths:
    """Return the radiographs with the target finding that a probe recognises best."""
    truth = scan.truth[scored.indices]
    order = scored.indices[truth][np.argsort(-scored.scores[truth], kind="stable")]
    return _paths([scan.radiographs[index] for index in order[:MAX_GROUPS].tolist()])


def _paths(images: Sequence[ScannedImage]) -> Paths:
    return tuple(image.radiograph.path for image in images)
