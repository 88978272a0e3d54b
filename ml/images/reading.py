"""Shim, removed by the renaming of the whole tree."""

from ml.images.decoding import decode_radiograph as read_radiograph
from ml.images.decoding import to_16_bit

__all__ = ["read_radiograph", "to_16_bit"]
