"""What a JPEG file says beyond its pixels: the luminance as it was coded, its quantisation table, how it lies."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.JpegImagePlugin import JpegImageFile

from safebench.inputs.images.levels import upright

from ._block_dct import SIDE

CLIPPED = 1
"""Levels from black, or from full, within which a colour counts as clipped: another decoder may round otherwise."""

_MAGIC = b"\xff\xd8\xff"
ORIENTATION = 0x0112
"""The EXIF tag of how a picture is to be turned."""


@dataclass(frozen=True)
class _AsItLies:
    """A JPEG file's picture, not turned.

    orientation: what the file's EXIF data says of how it is to be turned, 1 to 8.
    """

    orientation: int

    def upright(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of the pixels as they lie in the file, H x W, turned as whoever decodes the picture sees it."""
        return np.ascontiguousarray(upright(values, self.orientation))


@dataclass(frozen=True)
class CodedLuminance(_AsItLies):
    """The luminance of a JPEG file.

    levels: uint8 H x W, 0 to 255, as it lies in the file.  clipped: bool H x W, where a colour is black or full, so
    that the pixel is not what its coefficients say.  table: 8 x 8, the quantisation step of each frequency.
    """

    levels: NDArray[np.uint8]
    clipped: NDArray[np.bool_]
    table: NDArray[np.int64]


@dataclass(frozen=True)
class CodedColours(_AsItLies):
    """The colours of a JPEG file that codes no luminance: uint8 H x W x 3."""

    colours: NDArray[np.uint8]


def coded_luminance(path: Path) -> CodedLuminance | None:
    """The luminance that a file codes; None where it is no JPEG, or one without a luminance (RGB, CMYK).

    The engine has decoded the file before, so that a damaged one does not come here.
    """
    data = path.read_bytes()
    if not is_luminance_file(data):
        return None
    image = JpegImageFile(io.BytesIO(data))
    orientation = image.getexif().get(ORIENTATION, 1)
    table = np.array(image.quantization[image.layer[0][3]]).reshape(SIDE, SIDE)
    luminance = JpegImageFile(io.BytesIO(data))
    luminance.draft("L", image.size)  # libjpeg then hands it out as it is, without a way through RGB
    colours = np.asarray(image).reshape(image.height, image.width, -1)
    clipped = np.any((colours <= CLIPPED) | (colours >= 255 - CLIPPED), axis=2)
    return CodedLuminance(orientation, np.asarray(luminance), clipped, table)


def coded_colours(path: Path) -> CodedColours | None:
    """The colours of a JPEG file that codes no luminance (RGB, CMYK); None for any other file."""
    data = path.read_bytes()
    if not data.startswith(_MAGIC) or is_luminance_file(data):
        return None
    image = JpegImageFile(io.BytesIO(data))
    return CodedColours(image.getexif().get(ORIENTATION, 1), np.asarray(image.convert("RGB")))


def is_luminance_file(data: bytes) -> bool:
    """Whether an image file's bytes are a JPEG that codes a luminance: gray, or with its colours beside it."""
    if not data.startswith(_MAGIC):
        return False
    image = JpegImageFile(io.BytesIO(data))
    return image.mode == "L" or (image.mode == "RGB" and image.info.get("adobe_transform") != 0)
