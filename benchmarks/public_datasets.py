"""Splits of public radiographs by patient, without whole or cropped copies across parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.hashing import hash_fraction
from ml.datasets.patient_split import Split
from ml.images.decoding import decode_radiograph
from ml.images.perceptual_hash import SAME_IMAGE, crop_hashes, distances, distances_to_crops, perceptual_hash
from ml.records import Grey, LabelledImage

HELD_OUT_SHARE: Final = 0.5  # of Cohen's patients
VALIDATION_SHARE: Final = 0.12  # of all other patients
CROPPED: Final = 50  # bits; of 150,000 pairs of different radiographs fewer than 10 are this close


@dataclass(frozen=True)
class PublicDatasets:
    """Training and validation set, held-out test set, and the number of excluded radiographs by reason."""

    split: Split
    held_out: tuple[LabelledImage, ...]
    excluded: dict[str, int]


def without_duplicates(
    radiographs: Sequence[LabelledImage], held_out: Sequence[LabelledImage]
) -> tuple[list[LabelledImage], Counter[str]]:
    """Remove near-duplicates of held-out radiographs; other near-duplicates get a common patient."""
    hashes = np.stack([perceptual_hash(_grey(image)) for image in radiographs])
    held_out_hashes = np.stack([perceptual_hash(_grey(image)) for image in held_out])
    duplicate = [bool(near.any()) for near in distances(hashes, held_out_hashes) <= SAME_IMAGE]
    counts = Counter(image.source for image, same in zip(radiographs, duplicate, strict=True) if same)
    indices = [index for index in range(len(radiographs)) if not duplicate[index]]
    patients = DisjointSets()
    near = distances(hashes[indices], hashes[indices]) <= SAME_IMAGE
    for one, other in np.argwhere(np.triu(near, 1)):
        patients.join(radiographs[indices[one]].patient, radiographs[indices[other]].patient)
    remaining = [radiographs[index] for index in indices]
    return [replace(image, patient=patients.find(image.patient)) for image in remaining], counts


def without_crops(
    radiographs: Sequence[LabelledImage], held_out: Sequence[LabelledImage]
) -> list[LabelledImage]:
    """Remove cropped duplicates of held-out radiographs, which the hash of a whole image does not detect.

    Only COVID-19 radiographs are compared: the other collections reuse no others from Cohen's collection.
    """
    candidates = [image for image in radiographs if image.label == "covid-19" and image.source != "cohen"]
    held_out_greys, candidate_greys = ([_grey(image) for image in part] for part in (held_out, candidates))
    held_out_hashes, candidate_hashes = (
        np.stack([perceptual_hash(grey) for grey in greys]) for greys in (held_out_greys, candidate_greys)
    )
    nearest = np.array(
        [distances_to_crops(crop_hashes(grey), held_out_hashes).min() for grey in candidate_greys]
    )
    for grey in held_out_greys:
        nearest = np.minimum(nearest, distances_to_crops(crop_hashes(grey), candidate_hashes))
    cropped = {image.path for image, bits in zip(candidates, nearest, strict=True) if bits <= CROPPED}
    return [image for image in radiographs if image.path not in cropped]


def by_patient(radiographs: Sequence[LabelledImage]) -> Split:
    validation = {
        image.patient
        for image in radiographs
        if hash_fraction(image.patient, "validation") < VALIDATION_SHARE
    }
    return Split(
        train=tuple(image for image in radiographs if image.patient not in validation),
        validation=tuple(image for image in radiographs if image.patient in validation),
        test=(),
    )


def _grey(image: LabelledImage) -> Grey:
    return decode_radiograph(image.path.read_bytes()).grey
