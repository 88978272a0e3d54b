"""Shim, removed by the renaming of the whole tree."""

from ml.images.full_depth import pack
from ml.images.full_depth import read_full_depth as read_bit_depth

__all__ = ["pack", "read_bit_depth"]
