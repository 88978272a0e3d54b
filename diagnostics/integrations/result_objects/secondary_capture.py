"""The Secondary Capture of a result: the heatmap on the radiograph, with result and notice burned in."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from diagnostics.integrations.result_objects.common import (
    set_equipment,
    set_subject,
    set_times,
    with_file_meta,
)
from diagnostics.integrations.result_objects.values import Result

KIND: Final = "sc"
SERIES_NUMBER: Final = 9001  # above those of modalities
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
FONT_SCALE: Final = 0.4
LINE_HEIGHT: Final = 16  # pixels
MARGIN: Final = 6  # pixels
WHITE: Final = (255, 255, 255)


def secondary_capture(result: Result) -> Dataset:
    """Return the RGB image of a result as a DICOM object."""
    pixels = with_caption(_pixels(result.overlay_png), caption(result))
    capture = Dataset()
    capture.SOPClassUID, capture.SOPInstanceUID = SecondaryCaptureImageStorage, result.instance_uids[KIND]
    set_subject(capture, result.subject)
    capture.Modality, capture.ConversionType = result.source.modality or "OT", "WSD"
    capture.SeriesInstanceUID = result.series_uids[KIND]
    capture.SeriesNumber, capture.InstanceNumber = SERIES_NUMBER, 1
    capture.SeriesDescription = "AI heatmap. Research use only"
    capture.DerivationDescription = f"Grad-CAM heatmap of model version {result.version} on the radiograph"
    capture.ImageType, capture.BurnedInAnnotation = ["DERIVED", "SECONDARY"], "YES"
    capture.PatientOrientation = ""
    set_equipment(capture, result)
    set_times(capture, result.created_at)
    capture.ImageComments = result.disclaimer
    _set_pixels(capture, pixels)
    _set_source(capture, result)
    return with_file_meta(capture)


def caption(result: Result) -> list[str]:
    """Return the lines that are burned in: the notice first, then the result, then each probability."""
    scores = [
        f"{score.label} {score.probability:.2f}"
        + ("" if score.operating_point is None else f" (operating point {score.operating_point:.2f})")
        for score in result.scores
    ]
    return [result.disclaimer, f"AI result of {result.version}: {result.finding_label}", *scores]


def with_caption(pixels: NDArray[np.uint8], lines: list[str]) -> NDArray[np.uint8]:
    """Return an image with lines of text in a black strip below it, so that no text covers the radiograph."""
    longest = max(cv2.getTextSize(line, FONT, FONT_SCALE, 1)[0][0] for line in lines) + 2 * MARGIN
    width = max(pixels.shape[1], longest)
    height = pixels.shape[0] + LINE_HEIGHT * len(lines) + 2 * MARGIN
    image = np.zeros((height, width, 3), np.uint8)
    image[: pixels.shape[0], : pixels.shape[1]] = pixels
    for number, line in enumerate(lines, start=1):
        place = (MARGIN, pixels.shape[0] + number * LINE_HEIGHT)
        cv2.putText(image, line, place, FONT, FONT_SCALE, WHITE, 1, cv2.LINE_AA)
    return image


def _pixels(png: bytes) -> NDArray[np.uint8]:
    decoded: Any = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise ValueError("the overlay is no image")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _set_pixels(capture: Dataset, pixels: NDArray[np.uint8]) -> None:
    capture.SamplesPerPixel, capture.PhotometricInterpretation, capture.PlanarConfiguration = 3, "RGB", 0
    capture.Rows, capture.Columns = pixels.shape[:2]
    capture.BitsAllocated, capture.BitsStored, capture.HighBit, capture.PixelRepresentation = 8, 8, 7, 0
    content = pixels.tobytes()
    capture.PixelData = content + b"\0" * (len(content) % 2)
    capture["PixelData"].VR = "OB"


def _set_source(capture: Dataset, result: Result) -> None:
    source = Dataset()
    source.ReferencedSOPClassUID = result.source.sop_class_uid
    source.ReferencedSOPInstanceUID = result.source.sop_instance_uid
    capture.SourceImageSequence = [source]
