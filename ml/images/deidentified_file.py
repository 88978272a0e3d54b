"""A de-identified DICOM file of a header and grey values, with burned-in text blacked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pydicom
from pydicom.uid import generate_uid

from ml.images.burned_in_text import Region, text_regions
from ml.images.deidentification import CLEAN_PIXELS, Change, Replacement, deidentify, record_methods
from ml.images.dicom_instance import describe_pixels, encode, sop_class_of
from ml.images.full_depth import FullDepthImage
from ml.records import Grey

KEPT: Final = "BurnedInAnnotation"


@dataclass(frozen=True)
class DeidentifiedFile:
    """A DICOM file without identity, and what was changed for it; no value of the original."""

    content: bytes
    changes: tuple[Change, ...]
    regions: tuple[Region, ...]  # that were blacked out
    has_known_text: bool  # the header says that text is burned in, and no region of it was found


def deidentified_file(
    header: pydicom.Dataset, image: FullDepthImage, grey: Grey, replacement: Replacement, *, black_text: bool
) -> DeidentifiedFile:
    """Return the file of a header, which is changed in place, and an image with its display grey."""
    _require_uids(header)
    changes = deidentify(header, replacement)
    regions = text_regions(grey) if black_text else []
    describe_pixels(header, image)
    if regions:
        record_methods(header, CLEAN_PIXELS)
        header.BurnedInAnnotation = "NO"
    content = encode(header, black_out(image, regions))
    says_text = str(header.get(KEPT, "")).upper() == "YES"
    return DeidentifiedFile(content, tuple(changes), tuple(regions), says_text)


def _require_uids(header: pydicom.Dataset) -> None:
    """Complete a header without the attributes that a file must have."""
    header.SOPClassUID = header.get("SOPClassUID") or sop_class_of(str(header.get("Modality", "")))
    header.SOPInstanceUID = header.get("SOPInstanceUID") or generate_uid()


def black_out(image: FullDepthImage, regions: Sequence[Region]) -> FullDepthImage:
    """Return an image whose regions have the value that is shown as black."""
    if not regions:
        return image
    stored: np.ndarray = image.stored.copy()
    black = stored.max() if image.inverted else stored.min()
    for each in regions:
        stored[each.top : each.top + each.height, each.left : each.left + each.width] = black
    return replace(image, stored=stored)
