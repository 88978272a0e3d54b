"""Heat maps as pictures on the radiograph: floats are resized first and coloured last."""

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
BLEND: Final = 0.6  # heat's share of the colour where it is full, so that the radiograph stays readable


def heatmap_on_radiograph(m: ClassMap, frame: Frame, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Lay a class's raw map on the radiograph: (height, width) of `shape`, 0 outside the network's square.

    `shape` is the radiograph's or a smaller one of the same aspect. Bilinear between cell centres.
    """
    height, width = shape
    down, across = height / frame.radiograph_height, width / frame.radiograph_width
    rows = _weights(height, frame.top * down, frame.height * down, m.grid.shape[0])
    columns = _weights(width, frame.left * across, frame.width * across, m.grid.shape[1])
    return np.asarray(rows @ m.grid @ columns.T, np.float32)


def heatmap_layer_png(m: ClassMap, frame: Frame, *, reference: float, longest: int = 1024) -> bytes:
    """Draw the heat alone as RGBA PNG of the radiograph's aspect, to be laid over the radiograph.

    Colour shows the shape (share of the map's own maximum); opacity shows the strength (share of
    `reference`, the class's usual maximum), so that a weak case looks weak.
    """
    return encode_png(_layer(m, frame, _shape(frame, longest), reference))


def overlay_png(grey: Grey, m: ClassMap, frame: Frame, *, reference: float, longest: int = 1024) -> bytes:
    """Draw the radiograph with the heat on it as RGB PNG."""
    shape = _shape(frame, longest)
    radiograph = np.repeat(resize(grey, shape)[..., None], 3, axis=2) * np.float32(255)
    layer = _layer(m, frame, shape, reference).astype(np.float32)
    share = layer[..., 3:] / np.float32(255) * np.float32(BLEND)
    mixed = radiograph * (1 - share) + layer[..., :3] * share
    return encode_png(np.rint(mixed).astype(np.uint8))


def colours(shares: NDArray[np.float32], palette: int = cv2.COLORMAP_INFERNO) -> NDArray[np.uint8]:
    """Turn shares 0 to 1 into RGB bytes; OpenCV's own answer is blue, green, red."""
    steps = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    rgb: NDArray[np.uint8] = cv2.cvtColor(cv2.applyColorMap(steps, palette), cv2.COLOR_BGR2RGB)
    return rgb


def _weights(length: int, start: float, extent: float, cells: int) -> NDArray[np.float32]:
    """Say how much each of `cells` counts at each of `length` pixel centres, (length, cells)."""
    inside = (np.arange(length) + 0.5 - start) / extent  # 0 to 1 within the square
    at = np.clip(inside * cells - 0.5, 0, cells - 1)  # in cells, from the centre of the first
    lower = np.floor(at).astype(int)
    upper = np.minimum(lower + 1, cells - 1)
    share = at - lower
    weights = np.zeros((length, cells), np.float32)
    pixels = np.arange(length)
    np.add.at(weights, (pixels, lower), 1 - share)
    np.add.at(weights, (pixels, upper), share)
    weights[(inside < 0) | (inside > 1)] = 0  # the network never saw this part of the radiograph
    return weights


def _layer(m: ClassMap, frame: Frame, shape: tuple[int, int], reference: float) -> NDArray[np.uint8]:
    layer = np.zeros((*shape, 4), np.uint8)
    if m.no_positive_evidence:
        return layer
    heat = heatmap_on_radiograph(m, frame, shape)
    layer[..., :3] = colours(heat / np.float32(m.raw_max))
    layer[..., 3] = _opacity(heat, reference)
    # The contour is as strong as the strongest spot: a sharp line must not make a weak map convincing.
    strength = int(_opacity(np.array(m.raw_max), reference))
    lines = _outline(heat >= CONTOUR_SHARE * m.raw_max)
    cv2.drawContours(layer, lines, -1, (*CONTOUR_COLOUR, strength), max(1, max(shape) // 512), cv2.LINE_8)
    return layer


def _opacity(heat: NDArray[Any], reference: float) -> NDArray[np.uint8]:
    return np.rint(np.clip(heat / reference, 0, 1) * 255).astype(np.uint8)


def _outline(inside: NDArray[np.bool_]) -> list[NDArray[np.int32]]:
    found, _ = cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return list(found)


def _shape(frame: Frame, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(frame.radiograph_height, frame.radiograph_width))
    return max(1, round(frame.radiograph_height * scale)), max(1, round(frame.radiograph_width * scale))
