"""Real radiographs: palette and RGBA PNGs, 16 megapixels, thumbnails."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.images.decode_in_child import decode_radiograph_in_child
from ml.images.preprocessing import prepare
from ml.records import Preprocessing

FOLDER = Path(os.environ.get("READROOM_REALDATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
RADIOGRAPHS = sorted((FOLDER / "originals").glob("*.[jp][pn]*g"))

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not RADIOGRAPHS, reason="the real radiographs that READROOM_REALDATA names are not here"
    ),
]


def test_every_published_original_is_decoded_like_pillow_does() -> None:
    for path in RADIOGRAPHS:
        radiograph = decode_radiograph_in_child(path.read_bytes())
        with Image.open(path) as image:
            assert {radiograph.height, radiograph.width} == set(image.size), path.name
            expected = np.asarray(image.convert("RGB").convert("L"), np.float32) / 255
        if image.mode not in ("RGBA", "LA"):
            assert np.abs(radiograph.grey - expected).mean() < 0.005, path.name


def test_every_published_original_gives_a_finite_network_input() -> None:
    for path in RADIOGRAPHS:
        pixels, frame = prepare(decode_radiograph_in_child(path.read_bytes()).grey, Preprocessing())
        assert np.isfinite(pixels).all(), path.name
        assert pixels.std() > 0.5, path.name
        assert frame.height == frame.width == min(frame.radiograph_height, frame.radiograph_width)
