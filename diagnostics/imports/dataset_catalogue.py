"""Public collections that `manage.py fetch_dataset` offers, with their addresses and licences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Part:
    """One file to download."""

    name: str  # local file name
    url: str
    sha256: str = ""  # empty: unknown; the first download's checksum is recorded and required afterwards
    size: int = 0  # bytes; 0: unknown


@dataclass(frozen=True)
class Dataset:
    """One public collection; one without parts must be downloaded manually."""

    title: str
    homepage: str
    licence: str
    parts: tuple[Part, ...] = ()
    manual_download: str = ""  # instructions


# The host creates both archives on request, so that no published checksum exists.
DATASETS: Final[dict[str, Dataset]] = {
    "cohen": Dataset(
        title="COVID-19 image data collection (Cohen, Morrison, Dao)",
        homepage="https://github.com/ieee8023/covid-chestxray-dataset",
        licence="Each image has its own, stated in metadata.csv; several are non-commercial.",
        parts=(Part("cohen.zip", "https://github.com/ieee8023/covid-chestxray-dataset/archive/HEAD.zip"),),
    ),
    "darkcovidnet": Dataset(
        title="DarkCovidNet radiographs (Ozturk et al.)",
        homepage="https://github.com/muhammedtalo/COVID-19",
        licence=(
            "COVID-19: each image has its own, as in the Cohen collection. NIH radiographs: free for any use "
            "that acknowledges the NIH Clinical Center and cites the ChestX-ray8 paper."
        ),
        parts=(Part("darkcovidnet.zip", "https://github.com/muhammedtalo/COVID-19/archive/HEAD.zip"),),
    ),
    "radiography": Dataset(
        title="COVID-19 Radiography Database (Chowdhury, Rahman et al.)",
        homepage="Kaggle, under this title",
        licence="As stated on the host's page; cite both papers named there.",
        manual_download=(
            "The host requires an account. Log in there, download the whole database as one ZIP, unpack it, "
            "and move the folder COVID-19_Radiography_Dataset to the import folder."
        ),
    ),
    "kaggle-pneumonia": Dataset(
        title="Chest X-Ray Images (Pneumonia) (Kermany et al.)",
        homepage="Kaggle, under this title",
        licence="CC BY 4.0, as stated on the host's page.",
        manual_download=(
            "The host requires an account. Log in there, download the whole set as one ZIP, unpack it, and "
            "move the folder chest_xray, which contains train, val and test, to the import folder."
        ),
    ),
}
