"""Photos and masks: reading files of many kinds, bringing them to the protocol's square, writing PNG."""

from __future__ import annotations

from safebench.inputs.images.kinds import check_photo
from safebench.inputs.images.overlay import overlay
from safebench.inputs.images.png import encode_png, save_png
from safebench.inputs.images.reading import read_mask, read_photo, read_profile
from safebench.inputs.images.square import MIN_SIDE, square_mask, to_square

__all__ = [
    "MIN_SIDE",
    "check_photo",
    "encode_png",
    "overlay",
    "read_mask",
    "read_photo",
    "read_profile",
    "save_png",
    "square_mask",
    "to_square",
]
