"""Groups of radiographs that must stay in one set: same image, same patient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.exclusions import Exclusion
from ml.datasets.hashing import content_sha256
from ml.records import LabelledImage


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs of files that show the same image, and the radiographs that could not be decoded."""

    pairs: tuple[tuple[Path, Path], ...] = ()
    unreadable: tuple[Exclusion, ...] = ()


NO_DUPLICATES: Final = NearDuplicates()


def image_ids(
    radiographs: Sequence[LabelledImage], duplicate_pairs: Sequence[tuple[Path, Path]]
) -> dict[Path, str]:
    """Map each file to an identifier of its image; equal content and duplicate pairs share one."""
    images = DisjointSets()
    for radiograph in radiographs:
        images.join(str(radiograph.path), f"content {content_sha256(radiograph.path)}")
    for first, second in duplicate_pairs:
        images.join(str(first), str(second))
    return {radiograph.path: images.find(str(radiograph.path)) for radiograph in radiographs}


def contested_images(radiographs: Sequence[LabelledImage], images: dict[Path, str]) -> set[str]:
    """Return the identifiers of images that have more than one label."""
    labels: dict[str, set[str]] = defaultdict(set)
    for radiograph in radiographs:
        labels[images[radiograph.path]].add(radiograph.label)
    return {image for image, own in labels.items() if len(own) > 1}


def patient_groups(
    radiographs: Sequence[LabelledImage], images: dict[Path, str]
) -> dict[str, list[LabelledImage]]:
    """Group radiographs by patient; patients who share an image form one group."""
    patients = DisjointSets()
    first_patient: dict[str, str] = {}
    for radiograph in radiographs:
        image = images[radiograph.path]
        patients.join(radiograph.patient, first_patient.setdefault(image, radiograph.patient))
    groups: dict[str, list[LabelledImage]] = defaultdict(list)
    for radiograph in radiographs:
        groups[patients.find(radiograph.patient)].append(radiograph)
    return dict(groups)
