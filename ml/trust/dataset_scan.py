"""Every radiograph read once, into all that the checks ask of it."""

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

from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.patient_split import Exclusion, Split, in_order
from ml.images.preprocessing import to_square
from ml.images.reading import read_radiograph
from ml.metrics.evaluation_result import TARGET
from ml.records import (
    DecodedRadiograph,
    Grey,
    LabelledImage,
    Preprocessing,
    UnreadableImage,
)
from ml.trust.near_duplicate_pairs import Pair, near_pairs, turned_hashes

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
    """What is known of a radiograph besides its label; empty where nobody knows."""

    view: str = ""
    sex: str = ""
    age: str = ""
    study: str = ""  # the date, or any text that is the same for radiographs of the same time
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
class ScannedImage:
    """One readable radiograph."""

    radiograph: LabelledImage
    part: str  # train, validation, test; empty where radiographs are not parted
    content: str  # SHA-256 of the file
    pixels: str  # SHA-256 of size and 8-bit grey pixels, turned as EXIF says
    header: Header
    background: Background


@dataclass(frozen=True)
class DatasetScan:
    """The readable radiographs, their thumbnails, their near copies, and who belongs together."""

    radiographs: tuple[ScannedImage, ...]
    whole: Thumbnails
    frame: Thumbnails  # only the border
    centre_black: Thumbnails  # all but the lungs
    pairs: tuple[Pair, ...]  # at most 62 of 255 bits apart
    groups: NDArray[np.int_]  # radiographs of one patient, or of one picture, share a number
    left_out: tuple[Exclusion, ...]
    preprocessing: str

    @property
    def labels(self) -> NDArray[np.str_]:
        """Return each radiograph's label."""
        return np.array([one.radiograph.label for one in self.radiographs], dtype=np.str_)

    @property
    def target(self) -> str:
        """Name the finding that is told from the rest; empty without radiographs."""
        classes = in_order(self.labels.tolist())
        return TARGET if TARGET in classes or not classes else classes[0]

    @property
    def truth(self) -> NDArray[np.bool_]:
        """Return whether each radiograph shows the target."""
        return np.array(self.labels == self.target, dtype=bool)

    @property
    def known_patient(self) -> NDArray[np.bool_]:
        """Return whether each radiograph's patient is known."""
        return np.array([bool(one.radiograph.patient) for one in self.radiographs], dtype=bool)

    @property
    def parted(self) -> bool:
        """Tell whether the radiographs came parted into what is learnt from and what is tested on."""
        return any(one.part for one in self.radiographs)

    @property
    def fingerprint(self) -> str:
        """Name what was surveyed (SHA-256); the radiographs' order and places do not matter."""
        lines = sorted(
            repr(
                (
                    one.content,
                    one.radiograph.label,
                    one.radiograph.patient,
                    one.radiograph.source,
                    one.part,
                    one.background,
                )
            )
            for one in self.radiographs
        )
        return hashlib.sha256("\n".join([self.preprocessing, *lines]).encode()).hexdigest()


def scan_dataset(
    radiographs: Split | Sequence[LabelledImage],
    prep: Preprocessing,
    *,
    background: Mapping[Path, Background] = MappingProxyType({}),
) -> DatasetScan:
    """Read radiographs as a network with this preprocessing sees them; those that cannot be read are named.

    `background` adds to what the files say of themselves; where both speak, it is believed.
    """
    found: list[ScannedImage] = []
    thumbnails: list[tuple[Grey, Grey, Grey]] = []
    hashes: list[NDArray[np.bool_]] = []
    left_out: list[Exclusion] = []
    for radiograph, part in _with_parts(radiographs):
        try:
            content = radiograph.path.read_bytes()
            picture = read_radiograph(content)
        except (UnreadableImage, OSError) as trouble:
            left_out.append(Exclusion(radiograph, getattr(trouble, "code", "unreadable")))
            continue
        known = _known(radiograph, picture, background.get(radiograph.path, Background()))
        digest = hashlib.sha256(content).hexdigest()
        found.append(
            ScannedImage(radiograph, part, digest, _pixels(picture.grey), _header(content, picture), known)
        )
        thumbnails.append(_thumbnails(picture.grey, prep))
        hashes.append(turned_hashes(picture.grey))
    pairs = near_pairs(hashes)
    whole, frame, centre_black = (_stacked([three[place] for three in thumbnails]) for place in range(3))
    groups = _groups(found, pairs)
    return DatasetScan(tuple(found), whole, frame, centre_black, pairs, groups, tuple(left_out), prep.id)


def _with_parts(radiographs: Split | Sequence[LabelledImage]) -> list[tuple[LabelledImage, str]]:
    if not isinstance(radiographs, Split):
        return [(radiograph, "") for radiograph in radiographs]
    parts = {"train": radiographs.train, "validation": radiographs.validation, "test": radiographs.test}
    return [(radiograph, name) for name, part in parts.items() for radiograph in part]


def _known(radiograph: LabelledImage, picture: DecodedRadiograph, told: Background) -> Background:
    return replace(
        told,
        view=told.view or radiograph.view or picture.view,
        sex=told.sex or picture.sex,
        age=told.age or ("" if picture.age is None else str(picture.age)),
        study=told.study or ("" if picture.study_at is None else picture.study_at.date().isoformat()),
    )


def _pixels(grey: Grey) -> str:
    shown = np.rint(grey * 255).astype(np.uint8)
    return hashlib.sha256(f"{shown.shape}".encode() + shown.tobytes()).hexdigest()


def _header(content: bytes, picture: DecodedRadiograph) -> Header:
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


def _groups(radiographs: Sequence[ScannedImage], pairs: Sequence[Pair]) -> NDArray[np.int_]:
    """Number the connected components of 'same patient' and 'same picture' (guide check A1)."""
    same = DisjointSets()
    names = [
        f"patient {f.radiograph.patient}" if f.radiograph.patient else f"radiograph {k}"
        for k, f in enumerate(radiographs)
    ]
    for pair in pairs:
        if pair.same:
            same.join(names[pair.first], names[pair.second])
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(same.find(name), len(numbers)) for name in names], dtype=np.int_)
