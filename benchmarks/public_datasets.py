"""The public collections in a data folder, split into training, validation and held-out radiographs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from benchmarks.collections_on_disk import (
    OTHER,
    cohen_radiographs,
    darkcovidnet_cohen_patients,
    darkcovidnet_radiographs,
    radiography_radiographs,
)
from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.hashing import hash_fraction
from ml.datasets.patient_split import Split
from ml.images.decoding import decode_radiograph
from ml.images.perceptual_hash import SAME_IMAGE, crop_hashes, distances, distances_to_crops, perceptual_hash
from ml.records import Grey, LabelledImage

HELD_OUT_SHARE: Final = 0.5  # of Cohen's patients
VALIDATION_SHARE: Final = 0.12  # of all other patients
CROPPED: Final = 50  # bits; of 150,000 pairs of different radiographs fewer than 10 are this close

HeldOut = Literal["patients", "source"]


@dataclass(frozen=True)
class PublicDatasets:
    """Training and validation set, held-out test set, and the number of excluded radiographs by reason."""

    split: Split
    held_out: tuple[LabelledImage, ...]
    excluded: dict[str, int]


def collect(folder: Path, held_out_unit: HeldOut = "patients") -> PublicDatasets:
    """Return the radiographs split by patient, without near-duplicates of held-out radiographs in training.

    With "patients", half of Cohen's patients are held out, by hash. With "source", all of them are held out
    except those in DarkCovidNet, and no other radiograph of the collection is used for training.
    """
    cohen, excluded = cohen_radiographs(folder / "covid-chestxray-dataset")
    patient_of = darkcovidnet_cohen_patients(folder)
    held_out = _held_out(cohen, held_out_unit, set(patient_of.values()))
    remaining = (
        [image for image in cohen if image not in set(held_out)] if held_out_unit == "patients" else []
    )
    excluded["cohen: neither held out nor in the training set"] = len(cohen) - len(held_out) - len(remaining)
    with_class = [image for image in remaining if image.label != OTHER]
    excluded["cohen, training half: finding is none of the classes"] = len(remaining) - len(with_class)
    others = [
        *darkcovidnet_radiographs(folder / "darkcovidnet"),
        *radiography_radiographs(folder / "COVID-19_Radiography_Dataset"),
    ]
    held_out_patients = {image.patient for image in held_out}
    unrelated = [image for image in others if patient_of.get(image.path) not in held_out_patients]
    excluded["darkcovidnet: patient is held out"] = len(others) - len(unrelated)
    training, duplicates = without_duplicates([*with_class, *unrelated], held_out)
    excluded.update({f"{source}: duplicate of a held-out radiograph": n for source, n in duplicates.items()})
    whole = without_crops(training, held_out)
    excluded["cropped duplicate of a held-out radiograph"] = len(training) - len(whole)
    return PublicDatasets(by_patient(whole), held_out, excluded)


def _held_out(
    cohen: Sequence[LabelledImage], held_out_unit: HeldOut, in_darkcovidnet: set[str]
) -> tuple[LabelledImage, ...]:
    if held_out_unit == "source":
        return tuple(image for image in cohen if image.patient not in in_darkcovidnet)
    return tuple(image for image in cohen if hash_fraction(image.patient, "held-out") < HELD_OUT_SHARE)


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
