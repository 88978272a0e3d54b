"""The folders of Ozturk et al. 2020: COVID-19 from Cohen's collection, the other two classes from NIH."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from ml.importers import cohen
from ml.importers.files import files_in, is_radiograph
from ml.importers.records import Gathering, Imported, Options, Provenance, Reason
from ml.records import LabelledImage

NAME: Final = "darkcovidnet"
COVID: Final = "Covid-19"
FOLDERS: Final = {COVID: "covid-19", "No_findings": "normal", "Pneumonia": "pneumonia"}
NIH: Final = re.compile(r"(\d{8})_\d{3}")  # patient, follow-up


def recognises(folder: Path) -> bool:
    """Tell by the folders' names and NIH's way of naming radiographs."""
    without = files_in(folder / "No_findings")
    return (folder / COVID).is_dir() and any(NIH.fullmatch(path.stem) for path in without)


def read(folder: Path, options: Options) -> Imported:
    """Take every radiograph; who is on the COVID-19 radiographs only Cohen's table knows."""
    known = cohen.patients(options.cohen) if options.cohen else cohen.Patients({}, {})
    gathering = Gathering()
    for name, label in FOLDERS.items():
        for path in files_in(folder / name):
            if path.is_symlink():
                gathering.leave(Reason.OUTSIDE, path.name)
            elif is_radiograph(path):
                gathering.take(_radiograph(path, label, known))
            else:
                gathering.leave(Reason.NOT_AN_IMAGE, path.name)
    return gathering.done(_provenance(told=options.cohen is not None))


def _radiograph(path: Path, label: str, known: cohen.Patients) -> LabelledImage:
    if nih := NIH.fullmatch(path.stem):
        return LabelledImage(path, label, f"nih-{nih[1]}", "nih")
    patient, view = known.of(path.stem) or (f"{NAME}-{path.stem}", "")
    return LabelledImage(path, label, patient, "cohen" if label == "covid-19" else NAME, view)


def _provenance(*, told: bool) -> Provenance:
    theirs = "by Cohen's table, or each radiograph its own" if told else "not known, each radiograph its own"
    return Provenance(
        name="DarkCovidNet",
        citation=(
            "Ozturk et al.: Automated detection of COVID-19 cases using deep neural networks with X-ray "
            "images. Comput Biol Med 121 (2020) 103792. NIH's radiographs: Wang et al.: ChestX-ray8. CVPR 2017."
        ),
        licence=(
            "COVID-19: each image has its own, as in Cohen's collection. NIH's radiographs: free for any use that "
            "names the NIH Clinical Center and the ChestX-ray8 paper."
        ),
        patients=f"NIH's: the first number of the file name. COVID-19: {theirs}.",
    )
