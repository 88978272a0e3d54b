"""Drawing of heatmaps on the radiograph: raw values are resized first and coloured last."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.images.png import encode_png
from ml.images.preprocessing import resize
from ml.records import ClassMap, Frame, Grey

CONTOUR_SHARE: Final = 0.5  # of the map's maximum
CONTOUR_COLOUR: Final = (255, 255, 255)
BLEND: Final = 0.6  # opacity of the heatmap at its maximum, so that the radiograph stays visible


def heatmap_on_radiograph(m: ClassMap, frame: Frame, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return a raw class map at the resolution `shape`, (height, width), 0 outside the network input.

    `shape` is that of the radiograph or a smaller one of the same aspect ratio. Bilinear between cell
    centres.
    """
    height, width = shape
    vertical, horizontal = height / frame.radiograph_height, width / frame.radiograph_width
    rows = _interpolation(height, frame.top * vertical, frame.height * vertical, m.grid.shape[0])
    columns = _interpolation(width, frame.left * horizontal, frame.width * horizontal, m.grid.shape[1])
    return np.asarray(rows @ m.grid @ columns.T, np.float32)


def heatmap_layer_png(m: ClassMap, frame: Frame, *, reference: float, longest: int = 1024) -> bytes:
    """Return the heatmap as a transparent RGBA PNG in the aspect ratio of the radiograph.

    Colour is the share of the map's own maximum. Opacity is the share of `reference`, the usual maximum of
    the class, so that weak evidence looks weak. The longer side has at most `longest` pixels.
    """
    return encode_png(_layer(m, frame, _shape(frame, longest), reference))


def overlay_png(grey: Grey, m: ClassMap, frame: Frame, *, reference: float, longest: int = 1024) -> bytes:
    """Return the radiograph with the heatmap as RGB PNG, at most `longest` pixels on the longer side."""
    shape = _shape(frame, longest)
    background = np.repeat(resize(grey, shape)[..., None], 3, axis=2) * np.float32(255)
    layer = _layer(m, frame, shape, reference).astype(np.float32)
    alpha = layer[..., 3:] / np.float32(255) * np.float32(BLEND)
    blended = background * (1 - alpha) + layer[..., :3] * alpha
    return encode_png(np.rint(blended).astype(np.uint8))


def colours(shares: NDArray[np.float32], palette: int = cv2.COLORMAP_INFERNO) -> NDArray[np.uint8]:
    """Return the RGB colours of values from 0 to 1, (..., 3) uint8."""
    steps = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    rgb: NDArray[np.uint8] = cv2.cvtColor(cv2.applyColorMap(steps, palette), cv2.COLOR_BGR2RGB)
    return rgb


def _interpolation(length: int, start: float, extent: float, cells: int) -> NDArray[np.float32]:
    """Return the linear interpolation matrix from cells to pixel centres, (length, cells)."""
    inside = (np.arange(length) + 0.5 - start) / extent  # 0 to 1 within the square
    position = np.clip(inside * cells - 0.5, 0, cells - 1)  # in cells, from the centre of the first
    lower = np.floor(position).astype(int)
    upper = np.minimum(lower + 1, cells - 1)
    fraction = position - lower
    weights = np.zeros((length, cells), np.float32)
    pixels = np.arange(length)
    np.add.at(weights, (pixels, lower), 1 - fraction)
    np.add.at(weights, (pixels, upper), fraction)
    weights[(inside < 0) | (inside > 1)] = 0  # not part of the network input
    return weights


def _layer(m: ClassMap, frame: Frame, shape: tuple[int, int], reference: float) -> NDArray[np.uint8]:
    layer = np.zeros((*shape, 4), np.uint8)
    if m.no_positive_evidence:
        return layer
    values = heatmap_on_radiograph(m, frame, shape)
    layer[..., :3] = colours(values / np.float32(m.raw_max))
    layer[..., 3] = _opacity(values, reference)
    # The contour has the opacity of the maximum: a sharp line must not make a weak map convincing.
    strength = int(_opacity(np.array(m.raw_max), reference))
    lines = _contours(values >= CONTOUR_SHARE * m.raw_max)
    cv2.drawContours(layer, lines, -1, (*CONTOUR_COLOUR, strength), max(1, max(shape) // 512), cv2.LINE_8)
    return layer


def _opacity(values: NDArray[Any], reference: float) -> NDArray[np.uint8]:
    return np.rint(np.clip(values / reference, 0, 1) * 255).astype(np.uint8)


def _contours(inside: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return list(contours)


def _shape(frame: Frame, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(frame.radiograph_height, frame.radiograph_width))
    return max(1, round(frame.radiograph_height * scale)), max(1, round(frame.radiograph_width * scale))
