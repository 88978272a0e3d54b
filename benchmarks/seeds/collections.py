"""The radiographs of each reproduced system, and the radiographs of sources that it never uses.

The patients of the demonstration are left out everywhere: the heatmaps are drawn on their radiographs.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Final

from benchmarks import public_datasets
from benchmarks.collections_on_disk import (
    cohen_radiographs,
    darkcovidnet_cohen_patients,
    darkcovidnet_radiographs,
    radiography_radiographs,
)
from benchmarks.cross_validation import with_joined_patients
from ml.datasets.hashing import hash_fraction
from ml.importers import kaggle
from ml.importers.records import ReadOptions
from ml.records import LabelledImage

TRUNK_SHARE: Final = 0.7  # of the patients of the Radiography Database; the others are for the systems
PA: Final = "PA"


@dataclass(frozen=True)
class Collections:
    """The public collections of a data folder, each read once."""

    folder: Path
    cache: Path  # file with the selection of the Radiography Database, which takes minutes to compute

    @cached_property
    def cohen(self) -> tuple[LabelledImage, ...]:
        """Frontal radiographs of Cohen's collection without the demonstration's patients."""
        with (self.folder / "demo" / "demo.csv").open(encoding="utf-8", newline="") as file:
            shown = {f"cohen-{row['patient']}" for row in csv.DictReader(file)}
        found, _excluded = cohen_radiographs(self.folder / "covid-chestxray-dataset")
        return tuple(image for image in found if image.patient not in shown)

    @cached_property
    def nih(self) -> tuple[LabelledImage, ...]:
        """DarkCovidNet's radiographs of adults without COVID-19, which are NIH's."""
        return tuple(
            image for image in darkcovidnet_radiographs(self.folder / "darkcovidnet") if image.source == "nih"
        )

    @cached_property
    def children(self) -> tuple[LabelledImage, ...]:
        """Kermany's radiographs of children, Kaggle's "Chest X-ray Pneumonia"."""
        return tuple(kaggle.read(self.folder / "chest_xray", ReadOptions()).radiographs)

    @cached_property
    def radiography(self) -> tuple[LabelledImage, ...]:
        """The Radiography Database without whole copies of the others, and cropped ones of Cohen's."""
        if not self.cache.exists():
            selected = {str(image.path): image.patient for image in self._without_copies()}
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            self.cache.write_text(json.dumps(selected, indent=1), encoding="utf-8")
        patient_of = json.loads(self.cache.read_text(encoding="utf-8"))
        return tuple(
            replace(image, patient=patient_of[str(image.path)])
            for image in self._radiography_database()
            if str(image.path) in patient_of
        )

    def _radiography_database(self) -> list[LabelledImage]:
        return list(radiography_radiographs(self.folder / "COVID-19_Radiography_Dataset"))

    def _without_copies(self) -> list[LabelledImage]:
        cohen, _excluded = cohen_radiographs(self.folder / "covid-chestxray-dataset")
        taken = [image for image in self._darkcovidnet_of_cohen() if image.label == "covid-19"]
        others = [*cohen, *taken]
        own = self._radiography_database()
        elsewhere = [*others, *self.nih, *self.children]
        single, _duplicates = public_datasets.without_duplicates(own, elsewhere)
        return public_datasets.without_crops(single, others)

    def _darkcovidnet_of_cohen(self) -> list[LabelledImage]:
        patient_of = darkcovidnet_cohen_patients(self.folder)
        found = darkcovidnet_radiographs(self.folder / "darkcovidnet")
        return [replace(image, patient=patient_of.get(image.path, image.patient)) for image in found]

    def radiography_of_the_trunk(self) -> tuple[LabelledImage, ...]:
        """Return the radiographs on which the trunk of the VGG16 systems is pre-trained."""
        return tuple(image for image in self.radiography if _is_of_the_trunk(image))

    def radiography_of_the_systems(self) -> tuple[LabelledImage, ...]:
        """Return the radiographs of the Radiography Database that the trunk has not seen."""
        return tuple(image for image in self.radiography if not _is_of_the_trunk(image))

    def of(self, *parts: Iterable[LabelledImage]) -> tuple[LabelledImage, ...]:
        """Return several parts as one task, near-duplicates joined to one patient."""
        return with_joined_patients([image for part in parts for image in part])


def _is_of_the_trunk(image: LabelledImage) -> bool:
    return hash_fraction(image.patient, "trunk of the seeds") < TRUNK_SHARE


def with_label(radiographs: Iterable[LabelledImage], *labels: str) -> list[LabelledImage]:
    """Return the radiographs with one of these labels."""
    return [image for image in radiographs if image.label in labels]


def sample(radiographs: Sequence[LabelledImage], size: int) -> list[LabelledImage]:
    """Return at most `size` radiographs, by a hash of their names: each call chooses the same."""
    return sorted(radiographs, key=lambda image: hash_fraction(image.path.name, "sample"))[:size]


def pa_views(radiographs: Iterable[LabelledImage]) -> list[LabelledImage]:
    """Return the posterior-anterior radiographs."""
    return [image for image in radiographs if image.view == PA]
