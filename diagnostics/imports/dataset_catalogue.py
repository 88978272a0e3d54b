"""Public collections that `manage.py fetch_dataset` knows: where they are and what may be done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Part:
    """One file to download."""

    name: str  # what it is called here
    url: str
    sha256: str = ""  # empty: not known; the first download's is kept, and later ones must have it
    size: int = 0  # bytes; 0: not known


@dataclass(frozen=True)
class Dataset:
    """One collection; without parts it must be downloaded by hand."""

    title: str
    homepage: str
    licence: str
    parts: tuple[Part, ...] = ()
    by_hand: str = ""


# Both are packed anew by their host whenever somebody asks, so nobody publishes a checksum of them.
DATASETS: Final[dict[str, Dataset]] = {
    "cohen": Dataset(
        title="COVID-19 image data collection (Cohen, Morrison, Dao)",
        homepage="https://github.com/ieee8023/covid-chestxray-dataset",
        licence="Each image has its own, in metadata.csv; several are non-commercial.",
        parts=(Part("cohen.zip", "https://github.com/ieee8023/covid-chestxray-dataset/archive/HEAD.zip"),),
    ),
    "darkcovidnet": Dataset(
        title="DarkCovidNet's radiographs (Ozturk et al.)",
        homepage="https://github.com/muhammedtalo/COVID-19",
        licence=(
            "COVID-19: each image has its own, as in Cohen's collection. NIH's radiographs: free for any use that "
            "names the NIH Clinical Center and the ChestX-ray8 paper."
        ),
        parts=(Part("darkcovidnet.zip", "https://github.com/muhammedtalo/COVID-19/archive/HEAD.zip"),),
    ),
    "radiography": Dataset(
        title="COVID-19 Radiography Database (Chowdhury, Rahman et al.)",
        homepage="Kaggle, under this title",
        licence="As its host's page says; cite both papers that are named there.",
        by_hand=(
            "Its host gives it only to people with an account. Log in there, download the whole database as "
            "one ZIP, unpack it, and put the folder COVID-19_Radiography_Dataset into the folder for imports."
        ),
    ),
    "kaggle-pneumonia": Dataset(
        title="Chest X-Ray Images (Pneumonia) (Kermany et al.)",
        homepage="Kaggle, under this title",
        licence="CC BY 4.0, as its host's page says.",
        by_hand=(
            "Its host gives it only to people with an account. Log in there, download the whole set as one "
            "ZIP, unpack it, and put the folder chest_xray, with train, val and test in it, into the folder "
            "for imports."
        ),
    ),
}
