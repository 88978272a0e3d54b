"""Every film read once, into all that the checks ask of it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.dataset import LeftOut, Split, Union, in_order
from ml.figures import TARGET
from ml.imaging import read_film, to_square
from ml.records import Film, Grey, LabelledFilm, Preprocessing, UnreadableImage
from ml.trust.copies import Pair, near_pairs, turned_hashes

if TYPE_CHECKING:
    from pathlib import Path

THUMBNAIL: Final = 32
SQUARE: Final = 160  # side at which parts are blacked out before the thumbnail is taken
# The guide's 'outer 10 %' (B1) and 'outermost 5 %' (section 0) name one figure, 0.944. 5 % at each side, 10 %
# of the width, give it with the interval printed there.
BORDER: Final = 0.05
LUNGS: Final = 0.12  # what lies between 12 and 88 % of both sides is blacked out instead of the lungs

Thumbnails = NDArray[np.float32]  # (n, 32, 32), 0 black to 1 white


@dataclass(frozen=True)
class Background:
    """What is known of a film besides its label; empty where nobody knows."""

    view: str = ""
    sex: str = ""
    age: str = ""
    study: str = ""  # the date, or any text that is the same for films of the same time
    reference: str = ""  # what the label rests on: RT-PCR, consensus, single reader


@dataclass(frozen=True)
class Header:
    """What can be known of a file without looking at the picture, and the mean grey."""

    width: int
    height: int
    mode: str
    format: str
    bits: int
    bytes: int
    mean: float


@dataclass(frozen=True)
class Surveyed:
    """One readable film."""

    film: LabelledFilm
    part: str  # train, validation, test; empty where films are not parted
    content: str  # SHA-256 of the file
    pixels: str  # SHA-256 of size and 8-bit grey pixels, turned as EXIF says
    header: Header
    background: Background


@dataclass(frozen=True)
class Survey:
    """The readable films, their thumbnails, their near copies, and who belongs together."""

    films: tuple[Surveyed, ...]
    whole: Thumbnails
    frame: Thumbnails  # only the border
    centre_black: Thumbnails  # all but the lungs
    pairs: tuple[Pair, ...]  # at most 62 of 255 bits apart
    groups: NDArray[np.int_]  # films of one patient, or of one picture, share a number
    left_out: tuple[LeftOut, ...]
    preprocessing: str

    @property
    def labels(self) -> NDArray[np.str_]:
        """Return each film's label."""
        return np.array([one.film.label for one in self.films], dtype=np.str_)

    @property
    def target(self) -> str:
        """Name the finding that is told from the rest; empty without films."""
        classes = in_order(self.labels.tolist())
        return TARGET if TARGET in classes or not classes else classes[0]

    @property
    def truth(self) -> NDArray[np.bool_]:
        """Return whether each film shows the target."""
        return np.array(self.labels == self.target, dtype=bool)

    @property
    def known_patient(self) -> NDArray[np.bool_]:
        """Return whether each film's patient is known."""
        return np.array([bool(one.film.patient) for one in self.films], dtype=bool)

    @property
    def parted(self) -> bool:
        """Tell whether the films came parted into what is learnt from and what is tested on."""
        return any(one.part for one in self.films)

    @property
    def fingerprint(self) -> str:
        """Name what was surveyed (SHA-256); the films' order and places do not matter."""
        lines = sorted(
            repr((one.content, one.film.label, one.film.patient, one.film.source, one.part, one.background))
            for one in self.films
        )
        return hashlib.sha256("\n".join([self.preprocessing, *lines]).encode()).hexdigest()


def survey(
    films: Split | Sequence[LabelledFilm],
    prep: Preprocessing,
    *,
    background: Mapping[Path, Background] = MappingProxyType({}),
) -> Survey:
    """Read films as a network with this preprocessing sees them; those that cannot be read are named.

    `background` adds to what the files say of themselves; where both speak, it is believed.
    """
    found: list[Surveyed] = []
    thumbnails: list[tuple[Grey, Grey, Grey]] = []
    hashes: list[NDArray[np.bool_]] = []
    left_out: list[LeftOut] = []
    for film, part in _with_parts(films):
        try:
            content = film.path.read_bytes()
            picture = read_film(content)
        except (UnreadableImage, OSError) as trouble:
            left_out.append(LeftOut(film, getattr(trouble, "code", "unreadable")))
            continue
        known = _known(film, picture, background.get(film.path, Background()))
        digest = hashlib.sha256(content).hexdigest()
        found.append(Surveyed(film, part, digest, _pixels(picture.grey), _header(content, picture), known))
        thumbnails.append(_thumbnails(picture.grey, prep))
        hashes.append(turned_hashes(picture.grey))
    pairs = near_pairs(hashes)
    whole, frame, centre_black = (_stacked([three[place] for three in thumbnails]) for place in range(3))
    groups = _groups(found, pairs)
    return Survey(tuple(found), whole, frame, centre_black, pairs, groups, tuple(left_out), prep.id)


def _with_parts(films: Split | Sequence[LabelledFilm]) -> list[tuple[LabelledFilm, str]]:
    if not isinstance(films, Split):
        return [(film, "") for film in films]
    parts = {"train": films.train, "validation": films.validation, "test": films.test}
    return [(film, name) for name, part in parts.items() for film in part]


def _known(film: LabelledFilm, picture: Film, told: Background) -> Background:
    return replace(
        told,
        view=told.view or film.view or picture.view,
        sex=told.sex or picture.sex,
        age=told.age or ("" if picture.age is None else str(picture.age)),
        study=told.study or ("" if picture.study_at is None else picture.study_at.date().isoformat()),
    )


def _pixels(grey: Grey) -> str:
    shown = np.rint(grey * 255).astype(np.uint8)
    return hashlib.sha256(f"{shown.shape}".encode() + shown.tobytes()).hexdigest()


def _header(content: bytes, picture: Film) -> Header:
    mode = "DICOM"
    if picture.source_format != "DICOM":
        with Image.open(io.BytesIO(content), formats=[picture.source_format]) as image:
            mode = image.mode
    size, mean = len(content), float(picture.grey.mean())
    return Header(picture.width, picture.height, mode, picture.source_format, picture.bits, size, mean)


def _thumbnails(grey: Grey, prep: Preprocessing) -> tuple[Grey, Grey, Grey]:
    square, _ = to_square(grey, replace(prep, size=SQUARE))
    frame, centre_black = square.copy(), square.copy()
    for picture, share in ((frame, BORDER), (centre_black, LUNGS)):
        edge = round(share * SQUARE)
        picture[edge:-edge, edge:-edge] = 0
    return _small(square), _small(frame), _small(centre_black)


def _small(square: Grey) -> Grey:
    small: Grey = cv2.resize(square, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return small


def _stacked(pictures: list[Grey]) -> Thumbnails:
    return np.stack(pictures) if pictures else np.empty((0, THUMBNAIL, THUMBNAIL), np.float32)


def _groups(films: Sequence[Surveyed], pairs: Sequence[Pair]) -> NDArray[np.int_]:
    """Number the connected components of 'same patient' and 'same picture' (guide check A1)."""
    same = Union()
    names = [f"patient {f.film.patient}" if f.film.patient else f"film {k}" for k, f in enumerate(films)]
    for pair in pairs:
        if pair.same:
            same.join(names[pair.first], names[pair.second])
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(same.find(name), len(numbers)) for name in names], dtype=np.int_)
