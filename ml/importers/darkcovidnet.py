"""Importer of DarkCovidNet (Ozturk et al. 2020): COVID-19 from Cohen's collection, other classes from NIH."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ml.importers import cohen
from ml.importers.files import files_in, is_radiograph
from ml.importers.records import CollectionBuilder, LabelledCollection, Provenance, ReadOptions, Reason
from ml.records import LabelledImage

NAME: Final = "darkcovidnet"
COVID: Final = "Covid-19"
FOLDERS: Final = {COVID: "covid-19", "No_findings": "normal", "Pneumonia": "pneumonia"}
NIH: Final = re.compile(r"(\d{8})_\d{3}")  # patient, follow-up


def recognises(folder: Path) -> bool:
    """Return whether the folder names and the file names of NIH match."""
    normal = files_in(folder / "No_findings")
    return (folder / COVID).is_dir() and any(NIH.fullmatch(path.stem) for path in normal)


def read(folder: Path, options: ReadOptions) -> LabelledCollection:
    """Return every radiograph; the patients of the COVID-19 radiographs come from Cohen's table."""
    patients = cohen.read_patients(options.cohen) if options.cohen else cohen.Patients({}, {})
    builder = CollectionBuilder()
    for name, label in FOLDERS.items():
        for path in files_in(folder / name):
            if path.is_symlink():
                builder.exclude(Reason.OUTSIDE, path.name)
            elif is_radiograph(path):
                builder.add(_radiograph(path, label, patients))
            else:
                builder.exclude(Reason.NOT_AN_IMAGE, path.name)
    return builder.build(_provenance(has_cohen=options.cohen is not None))


def _radiograph(path: Path, label: str, patients: cohen.Patients) -> LabelledImage:
    if nih := NIH.fullmatch(path.stem):
        return LabelledImage(path, label, f"nih-{nih[1]}", "nih")
    patient, view = patients.patient_and_view(path.stem) or (f"{NAME}-{path.stem}", "")
    return LabelledImage(path, label, patient, "cohen" if label == "covid-19" else NAME, view)


def _provenance(*, has_cohen: bool) -> Provenance:
    covid = "Cohen's table, otherwise one per radiograph" if has_cohen else "unknown, one per radiograph"
    return Provenance(
        name="DarkCovidNet",
        citation=(
            "Ozturk et al.: Automated detection of COVID-19 cases using deep neural networks with X-ray "
            "images. Comput Biol Med 121 (2020) 103792. NIH's radiographs: Wang et al.: ChestX-ray8. CVPR "
            "2017."
        ),
        licence=(
            "COVID-19: each image has its own, as in Cohen's collection. NIH's radiographs: any use that "
            "credits the NIH Clinical Center and cites the ChestX-ray8 paper."
        ),
        patients=f"NIH: the first number of the file name. COVID-19: {covid}.",
    )
