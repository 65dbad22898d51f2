"""Photographs and low/high-resolution pairs."""

from .bicubic import imresize, to_uint8
from .images import EMBEDDED, Photo, embedded_path, load_source, read_folder, read_photo
from .pairs import PatchDataset, loader, modcrop, reduce, to_planes

__all__ = [
    "EMBEDDED",
    "PatchDataset",
    "Photo",
    "embedded_path",
    "imresize",
    "load_source",
    "loader",
    "modcrop",
    "read_folder",
    "read_photo",
    "reduce",
    "to_planes",
    "to_uint8",
]
