"""Lists of the radiographs of each public collection, as used by the benchmarks."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ml import importers
from ml.records import LabelledImage

FRONTAL: Final = {"PA", "AP", "AP Supine"}
NOT_GIVEN: Final = {"todo"}  # finding of rows that are not labelled yet
OTHER: Final = "other"  # a known finding that is none of the classes: only in the held-out test set
RADIOGRAPHY_FOLDERS: Final = {"COVID": "covid-19", "Normal": "normal"}
DARKCOVIDNET_FOLDERS: Final = {"Covid-19": "covid-19", "No_findings": "normal", "Pneumonia": "pneumonia"}
PNEUMONIAS: Final = {
    "Bacterial", "E.Coli", "Influenza", "Klebsiella", "Legionella", "Lipoid", "Pneumocystis", "Pneumonia",
    "Mycoplasma Bacterial Pneumonia", "SARS", "Streptococcus", "Varicella",
}  # fmt: skip


def cohen_radiographs(folder: Path) -> tuple[list[LabelledImage], dict[str, int]]:
    """Return the frontal X-rays of Cohen's collection with a known finding, and the excluded counts."""
    radiographs: list[LabelledImage] = []
    excluded: Counter[str] = Counter()
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if reason := _exclusion_reason(row):
                excluded[f"cohen: {reason}"] += 1
                continue
            path = folder / "images" / row["filename"]
            patient = f"cohen-{row['patientid']}"
            radiographs.append(LabelledImage(path, _finding(row["finding"]), patient, "cohen", row["view"]))
    return radiographs, dict(excluded)


def darkcovidnet_cohen_patients(folder: Path) -> dict[Path, str]:
    """Return the patient of each radiograph that DarkCovidNet took from Cohen's collection."""
    options = importers.ReadOptions(cohen=folder / "covid-chestxray-dataset")
    radiographs = importers.read(folder / "darkcovidnet", options).radiographs
    return {image.path: image.patient for image in radiographs if image.label == "covid-19"}


def darkcovidnet_radiographs(folder: Path) -> Iterator[LabelledImage]:
    """Yield the radiographs of DarkCovidNet; the file names of NIH begin with the patient."""
    for name, label in DARKCOVIDNET_FOLDERS.items():
        source = "cohen" if label == "covid-19" else "nih"
        for path in sorted((folder / name).glob("*.jpg")):
            patient = f"nih-{path.stem.split('_')[0]}" if source == "nih" else f"ozturk-{path.stem}"
            yield LabelledImage(path, label, patient, source)


def radiography_radiographs(folder: Path) -> Iterator[LabelledImage]:
    """Yield the radiographs of the COVID-19 Radiography Database; without patients, each has its own."""
    for name, label in RADIOGRAPHY_FOLDERS.items():
        for path in sorted((folder / name / "images").iterdir()):
            yield LabelledImage(path, label, f"radiography-{path.stem}", f"radiography-{name.lower()}")


def _exclusion_reason(row: dict[str, str]) -> str:
    if row["modality"] != "X-ray":
        return "not an X-ray"
    if row["view"] not in FRONTAL:
        return "not a frontal view"
    return "finding not given" if row["finding"] in NOT_GIVEN else ""


def _finding(text: str) -> str:
    """Return the finding of a text in either style, 'COVID-19, ARDS' or 'Pneumonia/Viral/COVID-19'."""
    parts = {part.strip() for part in text.replace("/", ",").split(",")}
    if "COVID-19" in parts:
        return "covid-19"
    if parts & PNEUMONIAS:
        return "pneumonia"
    return "normal" if "No Finding" in parts else OTHER
