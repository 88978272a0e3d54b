"""The public collections in a data folder as labelled radiographs, with patients of Cohen's collection held out."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ml import importers
from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.hashing import share_of
from ml.datasets.patient_split import Split
from ml.images.perceptual_hash import SAME_IMAGE, crops_of, distances, distances_to_crops, perceptual_hash
from ml.images.reading import read_radiograph
from ml.records import LabelledImage

HELD_OUT_SHARE: Final = 0.5  # of Cohen's patients
VALIDATION_SHARE: Final = 0.12  # of all other patients
CROPPED: Final = 50  # bits; of 150,000 pairs that cannot show one radiograph under 10 came so near
FRONTAL: Final = {"PA", "AP", "AP Supine"}
NOT_KNOWN: Final = {"todo"}  # findings that the collection has not filled in
OTHER: Final = "other"  # a known finding that is none of the classes: for the held-out test only
NORMAL_FOLDERS: Final = {"COVID": "covid-19", "Normal": "normal"}
OZTURK_FOLDERS: Final = {"Covid-19": "covid-19", "No_findings": "normal", "Pneumonia": "pneumonia"}
PNEUMONIAS: Final = {
    "Bacterial", "E.Coli", "Influenza", "Klebsiella", "Legionella", "Lipoid", "Pneumocystis", "Pneumonia",
    "Mycoplasma Bacterial Pneumonia", "SARS", "Streptococcus", "Varicella",
}  # fmt: skip


Unseen = Literal["patients", "source"]


@dataclass(frozen=True)
class PublicDatasets:
    """What is learnt from, what is held out, and how many radiographs were left aside for which reason."""

    split: Split
    held_out: tuple[LabelledImage, ...]
    left_aside: dict[str, int]


def gather(folder: Path, unseen: Unseen = "patients") -> PublicDatasets:
    """Collect the radiographs, part them by patient, and learn from none that repeats a held-out one.

    Held out are, for "patients", half of Cohen's patients, by hash; for "source", all of them but those that
    darkcovidnet shows, so that no radiograph of the collection is learnt from besides.
    """
    cohen, left_aside = cohen_radiographs(folder / "covid-chestxray-dataset")
    shown = shown_patients(folder)
    held_out = tuple(
        radiograph for radiograph in cohen if _is_held_out(radiograph, unseen, set(shown.values()))
    )
    ours = (
        [radiograph for radiograph in cohen if radiograph not in set(held_out)]
        if unseen == "patients"
        else []
    )
    left_aside["cohen: not held out, not learnt from"] = len(cohen) - len(held_out) - len(ours)
    taken = [radiograph for radiograph in ours if radiograph.label != OTHER]
    left_aside["cohen, learning half: finding is none of the classes"] = len(ours) - len(taken)
    others = [
        *ozturk_radiographs(folder / "darkcovidnet"),
        *radiography_radiographs(folder / "COVID-19_Radiography_Dataset"),
    ]
    patients = {radiograph.patient for radiograph in held_out}
    strangers = [radiograph for radiograph in others if shown.get(radiograph.path) not in patients]
    left_aside["darkcovidnet: patient is held out"] = len(others) - len(strangers)
    learning, repeated = _without_copies([*taken, *strangers], held_out)
    left_aside.update({f"{source}: copy of a held-out radiograph": n for source, n in repeated.items()})
    whole = _without_crops(learning, held_out)
    left_aside["cropped copy of a held-out radiograph"] = len(learning) - len(whole)
    return PublicDatasets(_by_patient(whole), held_out, left_aside)


def _is_held_out(radiograph: LabelledImage, unseen: Unseen, shown: set[str]) -> bool:
    if unseen == "source":
        return radiograph.patient not in shown
    return share_of(radiograph.patient, "held-out") < HELD_OUT_SHARE


def shown_patients(folder: Path) -> dict[Path, str]:
    """Name the patient of each radiograph that darkcovidnet took from Cohen's collection."""
    known = importers.Options(cohen=folder / "covid-chestxray-dataset")
    radiographs = importers.read(folder / "darkcovidnet", known).radiographs
    return {
        radiograph.path: radiograph.patient for radiograph in radiographs if radiograph.label == "covid-19"
    }


def cohen_radiographs(folder: Path) -> tuple[list[LabelledImage], dict[str, int]]:
    """List the frontal X-rays of Cohen's collection with a known finding, and count the others."""
    radiographs: list[LabelledImage] = []
    left: Counter[str] = Counter()
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if reason := _why_not(row):
                left[f"cohen: {reason}"] += 1
                continue
            path = folder / "images" / row["filename"]
            patient = f"cohen-{row['patientid']}"
            radiographs.append(LabelledImage(path, _finding(row["finding"]), patient, "cohen", row["view"]))
    return radiographs, dict(left)


def _why_not(row: dict[str, str]) -> str:
    if row["modality"] != "X-ray":
        return "no X-ray"
    if row["view"] not in FRONTAL:
        return "not a frontal view"
    return "finding not filled in" if row["finding"] in NOT_KNOWN else ""


def _finding(text: str) -> str:
    """Translate both styles of the collection, 'COVID-19, ARDS' and 'Pneumonia/Viral/COVID-19'."""
    parts = {part.strip() for part in text.replace("/", ",").split(",")}
    if "COVID-19" in parts:
        return "covid-19"
    if parts & PNEUMONIAS:
        return "pneumonia"
    return "normal" if "No Finding" in parts else OTHER


def ozturk_radiographs(folder: Path) -> Iterator[LabelledImage]:
    """List darkcovidnet; NIH's radiograph names begin with the patient."""
    for name, label in OZTURK_FOLDERS.items():
        source = "cohen" if label == "covid-19" else "nih"
        for path in sorted((folder / name).glob("*.jpg")):
            patient = f"nih-{path.stem.split('_')[0]}" if source == "nih" else f"ozturk-{path.stem}"
            yield LabelledImage(path, label, patient, source)


def radiography_radiographs(folder: Path) -> Iterator[LabelledImage]:
    """List the share of the Radiography database; it names no patients, so each radiograph is its own."""
    for name, label in NORMAL_FOLDERS.items():
        for path in sorted((folder / name / "images").iterdir()):
            yield LabelledImage(path, label, f"radiography-{path.stem}", f"radiography-{name.lower()}")


def _without_copies(
    radiographs: Sequence[LabelledImage], held_out: Sequence[LabelledImage]
) -> tuple[list[LabelledImage], Counter[str]]:
    """Leave out radiographs that look like a held-out one; give radiographs that look alike one patient."""
    hashes = np.stack([perceptual_hash(read_radiograph(f.path.read_bytes()).grey) for f in radiographs])
    forbidden = np.stack([perceptual_hash(read_radiograph(f.path.read_bytes()).grey) for f in held_out])
    copied = [bool(near.any()) for near in distances(hashes, forbidden) <= SAME_IMAGE]
    repeated = Counter(f.source for f, copy in zip(radiographs, copied, strict=True) if copy)
    kept = [place for place in range(len(radiographs)) if not copied[place]]
    same = DisjointSets()
    alike = distances(hashes[kept], hashes[kept]) <= SAME_IMAGE
    for one, other in np.argwhere(np.triu(alike, 1)):
        same.join(radiographs[kept[one]].patient, radiographs[kept[other]].patient)
    return [
        replace(radiographs[place], patient=same.find(radiographs[place].patient)) for place in kept
    ], repeated


def _without_crops(
    radiographs: Sequence[LabelledImage], held_out: Sequence[LabelledImage]
) -> list[LabelledImage]:
    """Leave out cropped copies of held-out radiographs, which a hash of the whole radiograph does not find.

    Only the COVID-19 radiographs of the other collections are taken, in part, from Cohen's.
    """
    suspects = [
        radiograph
        for radiograph in radiographs
        if radiograph.label == "covid-19" and radiograph.source != "cohen"
    ]
    ours = [read_radiograph(radiograph.path.read_bytes()).grey for radiograph in held_out]
    theirs = [read_radiograph(radiograph.path.read_bytes()).grey for radiograph in suspects]
    whole, others = (np.stack([perceptual_hash(grey) for grey in greys]) for greys in (ours, theirs))
    nearest = np.array([distances_to_crops(crops_of(grey), whole).min() for grey in theirs])
    for grey in ours:
        nearest = np.minimum(nearest, distances_to_crops(crops_of(grey), others))
    copies = {radiograph.path for radiograph, near in zip(suspects, nearest, strict=True) if near <= CROPPED}
    return [radiograph for radiograph in radiographs if radiograph.path not in copies]


def _by_patient(radiographs: Sequence[LabelledImage]) -> Split:
    checked = {f.patient for f in radiographs if share_of(f.patient, "validation") < VALIDATION_SHARE}
    return Split(
        train=tuple(f for f in radiographs if f.patient not in checked),
        validation=tuple(f for f in radiographs if f.patient in checked),
        test=(),
    )
