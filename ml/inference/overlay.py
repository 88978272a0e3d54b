"""Drawing of heatmaps on the radiograph: raw values are resized first and coloured last."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.images.png import encode_png
from ml.images.preprocessing import resize
from ml.records import ClassMap, Frame, Grey

CONTOUR_SHARE: Final = 0.5  # of the map's maximum
LOW_EFFORT: Final = (
    cv2.IMWRITE_PNG_COMPRESSION,
    1,
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY,
)
CONTOUR_COLOUR: Final = (255, 255, 255)
BLEND: Final = 0.6  # opacity of the heatmap at its maximum, so that the radiograph stays visible
BLENDED: Final = np.rint(np.arange(256) * BLEND).astype(np.uint8)  # opacity of a layer -> of the picture
OVERLAY_SIDE: Final = 512  # pixels of the stored picture's longer side; the viewer draws its own at full size


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


def overlay_png(
    grey: Grey, m: ClassMap, frame: Frame, *, reference: float, longest: int = OVERLAY_SIDE
) -> bytes:
    """Return the radiograph with the heatmap as RGB PNG, at most `longest` pixels on the longer side."""
    shape = _shape(frame, longest)
    background = cv2.cvtColor(_to_uint8(resize(grey, shape)), cv2.COLOR_GRAY2BGR)
    layer = _layer(m, frame, shape, reference)
    alpha = cv2.cvtColor(cv2.LUT(layer[..., 3], BLENDED), cv2.COLOR_GRAY2BGR)
    heat = cv2.cvtColor(layer, cv2.COLOR_RGBA2BGR)
    shown = cv2.multiply(background, 255 - alpha, scale=1 / 255)
    blended = cv2.add(shown, cv2.multiply(heat, alpha, scale=1 / 255))
    _, encoded = cv2.imencode(".png", blended, LOW_EFFORT)
    return bytes(encoded)


def _to_uint8(grey: Grey) -> NDArray[np.uint8]:
    return np.asarray(cv2.convertScaleAbs(grey, alpha=255), np.uint8)


def colours(shares: NDArray[np.float32], palette: int = cv2.COLORMAP_INFERNO) -> NDArray[np.uint8]:
    """Return the RGB colours of values from 0 to 1, (..., 3) uint8."""
    steps = cv2.convertScaleAbs(np.maximum(shares, 0), alpha=255)  # rounds, and limits to 255
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
    strength = round(255 * min(1.0, m.raw_max / reference))
    lines = _contours(values >= CONTOUR_SHARE * m.raw_max)
    cv2.drawContours(layer, lines, -1, (*CONTOUR_COLOUR, strength), max(1, max(shape) // 512), cv2.LINE_8)
    return layer


def _opacity(values: NDArray[np.float32], reference: float) -> NDArray[np.uint8]:
    # convertScaleAbs rounds and limits to 255; the values of a class map are not negative.
    return np.asarray(cv2.convertScaleAbs(values, alpha=255 / reference), np.uint8)


def _contours(inside: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    contours, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return list(contours)


def _shape(frame: Frame, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(frame.radiograph_height, frame.radiograph_width))
    return max(1, round(frame.radiograph_height * scale)), max(1, round(frame.radiograph_width * scale))
