"""Shim, removed by the renaming of the whole tree."""

from ml.images.decode_in_child import decode_radiograph_in_child as read_radiograph_in_child
from ml.images.decode_in_child import pack_full_depth_in_child as pack_depth_in_child

__all__ = ["pack_depth_in_child", "read_radiograph_in_child"]
