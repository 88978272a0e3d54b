"""The public collections in a data folder as labelled films, with patients of Cohen's collection held out."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np

from ml import importers
from ml.dataset import Split, Union, share_of
from ml.duplicates import SAME, crops_of, distances, distances_to_crops, picture_hash
from ml.imaging import read_film
from ml.records import LabelledFilm

HELD_OUT_SHARE: Final = 0.5  # of Cohen's patients
VALIDATION_SHARE: Final = 0.12  # of all other patients
CROPPED: Final = 50  # bits; of 150,000 pairs that cannot show one film under 10 came so near
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
class PublicFilms:
    """What is learnt from, what is held out, and how many films were left aside for which reason."""

    split: Split
    held_out: tuple[LabelledFilm, ...]
    left_aside: dict[str, int]


def gather(folder: Path, unseen: Unseen = "patients") -> PublicFilms:
    """Collect the films, part them by patient, and learn from none that repeats a held-out one.

    Held out are, for "patients", half of Cohen's patients, by hash; for "source", all of them but those that
    darkcovidnet shows, so that no film of the collection is learnt from besides.
    """
    cohen, left_aside = cohen_films(folder / "covid-chestxray-dataset")
    shown = shown_patients(folder)
    held_out = tuple(film for film in cohen if _is_held_out(film, unseen, set(shown.values())))
    ours = [film for film in cohen if film not in set(held_out)] if unseen == "patients" else []
    left_aside["cohen: not held out, not learnt from"] = len(cohen) - len(held_out) - len(ours)
    taken = [film for film in ours if film.label != OTHER]
    left_aside["cohen, learning half: finding is none of the classes"] = len(ours) - len(taken)
    others = [
        *ozturk_films(folder / "darkcovidnet"),
        *radiography_films(folder / "COVID-19_Radiography_Dataset"),
    ]
    patients = {film.patient for film in held_out}
    strangers = [film for film in others if shown.get(film.path) not in patients]
    left_aside["darkcovidnet: patient is held out"] = len(others) - len(strangers)
    learning, repeated = _without_copies([*taken, *strangers], held_out)
    left_aside.update({f"{source}: copy of a held-out film": n for source, n in repeated.items()})
    whole = _without_crops(learning, held_out)
    left_aside["cropped copy of a held-out film"] = len(learning) - len(whole)
    return PublicFilms(_by_patient(whole), held_out, left_aside)


def _is_held_out(film: LabelledFilm, unseen: Unseen, shown: set[str]) -> bool:
    if unseen == "source":
        return film.patient not in shown
    return share_of(film.patient, "held-out") < HELD_OUT_SHARE


def shown_patients(folder: Path) -> dict[Path, str]:
    """Name the patient of each film that darkcovidnet took from Cohen's collection."""
    known = importers.Options(cohen=folder / "covid-chestxray-dataset")
    films = importers.read(folder / "darkcovidnet", known).films
    return {film.path: film.patient for film in films if film.label == "covid-19"}


def cohen_films(folder: Path) -> tuple[list[LabelledFilm], dict[str, int]]:
    """List the frontal X-rays of Cohen's collection with a known finding, and count the others."""
    films: list[LabelledFilm] = []
    left: Counter[str] = Counter()
    with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if reason := _why_not(row):
                left[f"cohen: {reason}"] += 1
                continue
            path = folder / "images" / row["filename"]
            patient = f"cohen-{row['patientid']}"
            films.append(LabelledFilm(path, _finding(row["finding"]), patient, "cohen", row["view"]))
    return films, dict(left)


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


def ozturk_films(folder: Path) -> Iterator[LabelledFilm]:
    """List darkcovidnet; NIH's film names begin with the patient."""
    for name, label in OZTURK_FOLDERS.items():
        source = "cohen" if label == "covid-19" else "nih"
        for path in sorted((folder / name).glob("*.jpg")):
            patient = f"nih-{path.stem.split('_')[0]}" if source == "nih" else f"ozturk-{path.stem}"
            yield LabelledFilm(path, label, patient, source)


def radiography_films(folder: Path) -> Iterator[LabelledFilm]:
    """List the share of the Radiography database; it names no patients, so each film is its own."""
    for name, label in NORMAL_FOLDERS.items():
        for path in sorted((folder / name / "images").iterdir()):
            yield LabelledFilm(path, label, f"radiography-{path.stem}", f"radiography-{name.lower()}")


def _without_copies(
    films: Sequence[LabelledFilm], held_out: Sequence[LabelledFilm]
) -> tuple[list[LabelledFilm], Counter[str]]:
    """Leave out films that look like a held-out one; give films that look alike one patient."""
    hashes = np.stack([picture_hash(read_film(f.path.read_bytes()).grey) for f in films])
    forbidden = np.stack([picture_hash(read_film(f.path.read_bytes()).grey) for f in held_out])
    copied = [bool(near.any()) for near in distances(hashes, forbidden) <= SAME]
    repeated = Counter(f.source for f, copy in zip(films, copied, strict=True) if copy)
    kept = [place for place in range(len(films)) if not copied[place]]
    same = Union()
    alike = distances(hashes[kept], hashes[kept]) <= SAME
    for one, other in np.argwhere(np.triu(alike, 1)):
        same.join(films[kept[one]].patient, films[kept[other]].patient)
    return [replace(films[place], patient=same.find(films[place].patient)) for place in kept], repeated


def _without_crops(films: Sequence[LabelledFilm], held_out: Sequence[LabelledFilm]) -> list[LabelledFilm]:
    """Leave out cropped copies of held-out films, which a hash of the whole film does not find.

    Only the COVID-19 films of the other collections are taken, in part, from Cohen's.
    """
    suspects = [film for film in films if film.label == "covid-19" and film.source != "cohen"]
    ours = [read_film(film.path.read_bytes()).grey for film in held_out]
    theirs = [read_film(film.path.read_bytes()).grey for film in suspects]
    whole, others = (np.stack([picture_hash(grey) for grey in greys]) for greys in (ours, theirs))
    nearest = np.array([distances_to_crops(crops_of(grey), whole).min() for grey in theirs])
    for grey in ours:
        nearest = np.minimum(nearest, distances_to_crops(crops_of(grey), others))
    copies = {film.path for film, near in zip(suspects, nearest, strict=True) if near <= CROPPED}
    return [film for film in films if film.path not in copies]


def _by_patient(films: Sequence[LabelledFilm]) -> Split:
    checked = {f.patient for f in films if share_of(f.patient, "validation") < VALIDATION_SHARE}
    return Split(
        train=tuple(f for f in films if f.patient not in checked),
        validation=tuple(f for f in films if f.patient in checked),
        test=(),
    )
