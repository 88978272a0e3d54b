"""The radiographs of the long training: which are used, and their pixels, decoded once to squares."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks import public_datasets
from benchmarks.collections_on_disk import (
    OTHER,
    cohen_radiographs,
    darkcovidnet_cohen_patients,
    darkcovidnet_radiographs,
    radiography_radiographs,
)
from benchmarks.public_datasets import PublicDatasets
from ml.datasets import batches
from ml.datasets.hashing import fingerprint, hash_fraction
from ml.datasets.patient_split import Split
from ml.importers import kaggle
from ml.importers.records import ReadOptions
from ml.records import LabelledImage, Preprocessing

COHEN: Final = "cohen"
CHILDREN: Final = "kermany"
CACHE_SIDE: Final = 256  # pixels
CALIBRATION_SHARE: Final = 0.5  # of the validation patients
SELECTION: Final = "selection.json"  # in the folder of the run
PIXELS: Final = "radiographs.npy"
ROWS: Final = "radiographs.json"

Part = Literal["training", "validation", "other"]  # other: a finding that is none of the classes


@dataclass(frozen=True)
class CachedRadiograph:
    """What is known of the square with the same index in the pixel array."""

    name: str
    label: str
    patient: str
    source: str
    part: Part


@dataclass(frozen=True)
class CachedRadiographs:
    """All squares, (n, 256, 256) uint8, with their rows and how they were selected."""

    pixels: NDArray[np.uint8]
    rows: tuple[CachedRadiograph, ...]
    facts: dict[str, object]

    def indices(self, part: Part) -> NDArray[np.int_]:
        """Return the indices of the radiographs of one part."""
        return np.array([index for index, row in enumerate(self.rows) if row.part == part], dtype=np.int_)


@dataclass(frozen=True)
class Selection:
    """The radiographs to use, the part of each file, and the counts of the excluded ones."""

    radiographs: tuple[LabelledImage, ...]
    parts: dict[Path, Part]
    facts: dict[str, object]


def load(data: Path, cache: Path) -> CachedRadiographs:
    """Return the radiographs from the cache, which is made first where there is none."""
    if not (cache / ROWS).exists():
        _make_cache(select(data), cache)
    stored = json.loads((cache / ROWS).read_text(encoding="utf-8"))
    pixels = np.load(cache / PIXELS, mmap_mode="r", allow_pickle=False)
    return CachedRadiographs(
        pixels, tuple(CachedRadiograph(**row) for row in stored["rows"]), stored["facts"]
    )


def datasets(data: Path, run: Path) -> PublicDatasets:
    """Return training, validation and held-out radiographs of a training; the selection is kept in `run`."""
    file = run / SELECTION
    if not file.exists():
        _store(select(data), data, file)
    stored = json.loads(file.read_text(encoding="utf-8"))
    parts: dict[Part, list[LabelledImage]] = {"training": [], "validation": [], "other": []}
    for row in stored["radiographs"]:
        name, label, patient, source, view, part = row
        parts[part].append(LabelledImage(data / name, label, patient, source, view))
    cohen, _excluded = cohen_radiographs(data / "covid-chestxray-dataset")
    return PublicDatasets(
        Split(tuple(parts["training"]), tuple(parts["validation"]), ()),
        tuple(image for image in cohen if _is_held_out(image)),
        stored["facts"]["excluded"],
    )


def calibration_part(validation: Sequence[LabelledImage]) -> tuple[LabelledImage, ...]:
    """Return the validation radiographs, by patient, that set temperature, thresholds and limits."""
    return tuple(image for image in validation if _is_for_calibration(image))


def internal_test(validation: Sequence[LabelledImage]) -> tuple[LabelledImage, ...]:
    """Return the other validation radiographs, which set nothing."""
    return tuple(image for image in validation if not _is_for_calibration(image))


def _is_for_calibration(image: LabelledImage) -> bool:
    return hash_fraction(image.patient, "calibration") < CALIBRATION_SHARE


def _store(selection: Selection, data: Path, file: Path) -> None:
    rows = [
        [str(image.path.relative_to(data)), image.label, image.patient, image.source, image.view,
         selection.parts[image.path]]
        for image in selection.radiographs
    ]  # fmt: skip
    file.write_text(json.dumps({"facts": selection.facts, "radiographs": rows}), encoding="utf-8")


def select(data: Path) -> Selection:
    """Select radiographs by patient; none repeats one of the held-out half or of the demonstration."""
    cohen, excluded = cohen_radiographs(data / "covid-chestxray-dataset")
    held_out = [image for image in cohen if _is_held_out(image)]
    demo = _demonstration(data, cohen)
    forbidden = [*held_out, *(image for image in demo if image not in set(held_out))]
    barred = {image.patient for image in forbidden}
    remaining = [image for image in cohen if image.patient not in barred]
    patient_of = darkcovidnet_cohen_patients(data)
    others = list(_other_collections(data))
    unrelated = [image for image in others if patient_of.get(image.path) not in barred]
    with_class = [image for image in remaining if image.label != OTHER]
    single, duplicates = public_datasets.without_duplicates([*with_class, *unrelated], forbidden)
    whole = public_datasets.without_crops(single, forbidden)
    split = public_datasets.by_patient(whole)
    patients = {image.patient for image in whole}
    extra = [image for image in remaining if image.label == OTHER and image.patient not in patients]
    excluded |= {
        "demonstration": len(cohen) - len(held_out) - len(remaining),
        "darkcovidnet: patient is held out": len(others) - len(unrelated),
        "cropped duplicate of a held-out radiograph": len(single) - len(whole),
        **{f"{source}: duplicate of a held-out radiograph": n for source, n in duplicates.items()},
    }
    facts: dict[str, object] = {
        "excluded": excluded,
        "held_out_radiographs": len(held_out),
        "fingerprint": fingerprint([*split.train, *split.validation]),
    }
    parts: dict[Path, Part] = {image.path: "training" for image in split.train}
    parts |= {image.path: "validation" for image in split.validation}
    parts |= {image.path: "other" for image in extra}
    return Selection((*split.train, *split.validation, *extra), parts, facts)


def _is_held_out(image: LabelledImage) -> bool:
    return hash_fraction(image.patient, "held-out") < public_datasets.HELD_OUT_SHARE


def _other_collections(data: Path) -> Iterator[LabelledImage]:
    yield from darkcovidnet_radiographs(data / "darkcovidnet")
    yield from radiography_radiographs(data / "COVID-19_Radiography_Dataset")
    yield from _children(data / "chest_xray")


def _make_cache(selection: Selection, cache: Path) -> None:
    store = batches.load(selection.radiographs, Preprocessing(size=CACHE_SIDE), side=CACHE_SIDE)
    rows = [
        CachedRadiograph(
            image.path.name, image.label, image.patient, image.source, selection.parts[image.path]
        )
        for image in store.radiographs
    ]
    cache.mkdir(parents=True, exist_ok=True)
    draft = cache / f"draft-{PIXELS}"
    np.save(draft, store.pixels, allow_pickle=False)
    draft.replace(cache / PIXELS)
    counts = Counter(f"{row.part}: {row.label}, {row.source}" for row in rows)
    facts = selection.facts | {"counts": dict(sorted(counts.items()))}
    draft = cache / f"draft-{ROWS}"
    draft.write_text(
        json.dumps({"facts": facts, "rows": [vars(row) for row in rows]}, indent=1), encoding="utf-8"
    )
    draft.replace(cache / ROWS)


def _children(folder: Path) -> list[LabelledImage]:
    """Return the radiographs of children; the patient is the number in the file's name."""
    found = kaggle.read(folder, ReadOptions()).radiographs
    return [replace(image, patient=f"{CHILDREN}-{image.patient}", source=CHILDREN) for image in found]


def _demonstration(data: Path, cohen: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Return every radiograph of the demonstration's patients, in its own files and in Cohen's."""
    folder = data / "demo"
    with (folder / "demo.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    patients = {f"cohen-{row['patient']}" for row in rows}
    shipped = [LabelledImage(folder / row["file"], "", f"cohen-{row['patient']}", COHEN) for row in rows]
    return [*(image for image in cohen if image.patient in patients), *shipped]
