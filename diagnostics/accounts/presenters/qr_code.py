"""QR codes, drawn without a network."""

from __future__ import annotations

import segno


def qr_code(text: str) -> str:
    """Return a QR code as the `src` of an image: an SVG in a data URI."""
    image: str = segno.make(text, error="m", micro=False).svg_data_uri(scale=5, border=4, light="#ffffff")
    return image
