"""Scan of a data set: every radiograph is read once into the features that the checks need."""

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

from ml.datasets.class_order import sort_classes
from ml.datasets.disjoint_sets import DisjointSets
from ml.datasets.exclusions import Exclusion
from ml.datasets.patient_split import Split
from ml.errors import UnreadableImage
from ml.images.decoding import decode_radiograph
from ml.images.preprocessing import to_square
from ml.metrics.evaluation_result import TARGET
from ml.records import DecodedRadiograph, Grey, LabelledImage, Preprocessing
from ml.trust.cropped_copies import FINE, Squares, squeezed
from ml.trust.near_duplicate_pairs import Pair, near_duplicate_pairs, rotated_hashes

if TYPE_CHECKING:
    from pathlib import Path

THUMBNAIL: Final = 32
SQUARE: Final = 160  # side in pixels at which regions are masked, before the thumbnail is made
BORDER: Final = 0.05  # of each side, so 10 % of the width and of the height
LUNGS: Final = 0.12  # the region between 12 and 88 % of both sides is masked instead of the lungs

Thumbnails = NDArray[np.float32]  # (n, 32, 32), 0 black to 1 white


@dataclass(frozen=True)
class RadiographMetadata:
    """Metadata of a radiograph besides its label; empty where unknown."""

    view: str = ""
    sex: str = ""
    age: str = ""
    study: str = ""  # the date, or any text that is equal for radiographs of the same time
    reference: str = ""  # reference standard of the label: RT-PCR, consensus, single reader


@dataclass(frozen=True)
class Header:
    """Properties of a file that do not depend on the image content, and the mean grey value."""

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
    part: str  # train, validation, test; empty without a split
    file_sha256: str
    pixel_sha256: str  # of size and 8-bit grey pixels, after EXIF orientation
    header: Header
    metadata: RadiographMetadata


@dataclass(frozen=True)
class DatasetScan:
    """The readable radiographs with thumbnails, near-duplicate pairs and patient groups."""

    radiographs: tuple[ScannedImage, ...]
    full: Thumbnails
    border: Thumbnails  # all but the border is black
    lungs_masked: Thumbnails  # the lung region is black
    squares: Squares
    pairs: tuple[Pair, ...]  # at most 62 of 255 bits apart
    groups: NDArray[np.int_]  # radiographs of one patient, or of one image, share a number
    excluded: tuple[Exclusion, ...]
    preprocessing: str

    @property
    def labels(self) -> NDArray[np.str_]:
        """Return each radiograph's label."""
        return np.array([image.radiograph.label for image in self.radiographs], dtype=np.str_)

    @property
    def target(self) -> str:
        """Return the target finding; empty without radiographs."""
        classes = sort_classes(self.labels.tolist())
        return TARGET if TARGET in classes or not classes else classes[0]

    @property
    def truth(self) -> NDArray[np.bool_]:
        """Return whether each radiograph has the target finding."""
        return np.array(self.labels == self.target, dtype=bool)

    @property
    def known_patient(self) -> NDArray[np.bool_]:
        """Return whether each radiograph's patient is known."""
        return np.array([bool(image.radiograph.patient) for image in self.radiographs], dtype=bool)

    @property
    def is_split(self) -> bool:
        """Return whether the radiographs are split into training, validation and test sets."""
        return any(image.part for image in self.radiographs)

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the scanned data; order and paths of the files are not included."""
        lines = sorted(
            repr(
                (
                    image.file_sha256,
                    image.radiograph.label,
                    image.radiograph.patient,
                    image.radiograph.source,
                    image.part,
                    image.metadata,
                )
            )
            for image in self.radiographs
        )
        return hashlib.sha256("\n".join([self.preprocessing, *lines]).encode()).hexdigest()


def scan_dataset(
    radiographs: Split | Sequence[LabelledImage],
    prep: Preprocessing,
    *,
    metadata: Mapping[Path, RadiographMetadata] = MappingProxyType({}),
) -> DatasetScan:
    """Read radiographs with the preprocessing of a network; unreadable ones are listed in `excluded`.

    `metadata` supplements the metadata in the files and overrides it where both are given.
    """
    images: list[ScannedImage] = []
    thumbnails: list[tuple[Grey, Grey, Grey]] = []
    squares: list[NDArray[np.uint8]] = []
    hashes: list[NDArray[np.bool_]] = []
    excluded: list[Exclusion] = []
    for radiograph, part in _with_parts(radiographs):
        try:
            content = radiograph.path.read_bytes()
            decoded = decode_radiograph(content)
        except (UnreadableImage, OSError) as error:
            excluded.append(Exclusion(radiograph, getattr(error, "code", "unreadable")))
            continue
        given = metadata.get(radiograph.path, RadiographMetadata())
        images.append(_scanned(radiograph, part, content, decoded, given))
        thumbnails.append(_thumbnails(decoded.grey, prep))
        hashes.append(rotated_hashes(decoded.grey))
        squares.append(squeezed(decoded.grey))
    pairs = near_duplicate_pairs(hashes)
    full, border, lungs_masked = (_stacked([kinds[index] for kinds in thumbnails]) for index in range(3))
    stacked = np.stack(squares) if squares else np.empty((0, FINE, FINE), np.uint8)
    groups = _groups(images, pairs)
    return DatasetScan(
        tuple(images), full, border, lungs_masked, stacked, pairs, groups, tuple(excluded), prep.id
    )


def _with_parts(radiographs: Split | Sequence[LabelledImage]) -> list[tuple[LabelledImage, str]]:
    if not isinstance(radiographs, Split):
        return [(radiograph, "") for radiograph in radiographs]
    parts = {"train": radiographs.train, "validation": radiographs.validation, "test": radiographs.test}
    return [(radiograph, name) for name, part in parts.items() for radiograph in part]


def _scanned(
    radiograph: LabelledImage,
    part: str,
    content: bytes,
    decoded: DecodedRadiograph,
    given: RadiographMetadata,
) -> ScannedImage:
    return ScannedImage(
        radiograph=radiograph,
        part=part,
        file_sha256=hashlib.sha256(content).hexdigest(),
        pixel_sha256=_pixel_sha256(decoded.grey),
        header=_header(content, decoded),
        metadata=_metadata(radiograph, decoded, given),
    )


def _metadata(
    radiograph: LabelledImage, decoded: DecodedRadiograph, given: RadiographMetadata
) -> RadiographMetadata:
    return replace(
        given,
        view=given.view or radiograph.view or decoded.view,
        sex=given.sex or decoded.sex,
        age=given.age or ("" if decoded.age is None else str(decoded.age)),
        study=given.study or ("" if decoded.study_at is None else decoded.study_at.date().isoformat()),
    )


def _pixel_sha256(grey: Grey) -> str:
    pixels = np.rint(grey * 255).astype(np.uint8)
    return hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()


def _header(content: bytes, decoded: DecodedRadiograph) -> Header:
    mode = "DICOM"
    if decoded.source_format != "DICOM":
        with Image.open(io.BytesIO(content), formats=[decoded.source_format]) as image:
            mode = image.mode
    size, mean = len(content), float(decoded.grey.mean())
    return Header(decoded.width, decoded.height, mode, decoded.source_format, decoded.bits, size, mean)


def _thumbnails(grey: Grey, prep: Preprocessing) -> tuple[Grey, Grey, Grey]:
    square, _ = to_square(grey, replace(prep, size=SQUARE))
    border, lungs_masked = square.copy(), square.copy()
    for pixels, share in ((border, BORDER), (lungs_masked, LUNGS)):
        edge = round(share * SQUARE)
        pixels[edge:-edge, edge:-edge] = 0
    return _thumbnail(square), _thumbnail(border), _thumbnail(lungs_masked)


def _thumbnail(square: Grey) -> Grey:
    thumbnail: Grey = cv2.resize(square, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    return thumbnail


def _stacked(thumbnails: list[Grey]) -> Thumbnails:
    return np.stack(thumbnails) if thumbnails else np.empty((0, THUMBNAIL, THUMBNAIL), np.float32)


def _groups(images: Sequence[ScannedImage], pairs: Sequence[Pair]) -> NDArray[np.int_]:
    """Number the connected components of the relations 'same patient' and 'same image'."""
    same = DisjointSets()
    names = [
        f"patient {image.radiograph.patient}" if image.radiograph.patient else f"radiograph {index}"
        for index, image in enumerate(images)
    ]
    for pair in pairs:
        if pair.same:
            same.join(names[pair.first], names[pair.second])
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(same.find(name), len(numbers)) for name in names], dtype=np.int_)
