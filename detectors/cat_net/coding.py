"""What CAT-Net is shown of a picture: its colours, its luminance's quantised coefficients and their steps.

jpeglib reads them: it hands out what libjpeg decodes, of any subsampling and also of progressive files, has wheels for
all systems and is maintained, which jpegio, the authors' choice, no longer is.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import jpeglib
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from safebench.inputs.images import read_photo

from .._block_dct import SIDE
from .._jpeg_files import ORIENTATION, is_luminance_file

QUALITY = 100
"""Of the JPEG that stands for a picture that is none, the authors'; its colours are not subsampled."""


@dataclass(frozen=True)
class Coded:
    """A picture as it was coded, not turned.

    colours: uint8 H x W x 3.  coefficients: int16 8h x 8w, each block's in the block's place, as many blocks as cover
    the picture.  table: 8 x 8.  orientation: how EXIF says that it is to be turned, 1 to 8.
    """

    colours: NDArray[np.uint8]
    coefficients: NDArray[np.int16]
    table: NDArray[np.uint16]
    orientation: int


def of_file(path: Path) -> tuple[Coded, bool]:
    """A picture as its file codes it, and whether it did: one that is no JPEG with a luminance is compressed first."""
    data = path.read_bytes()
    if is_luminance_file(data):
        return _of_jpeg(data), True
    return of_pixels(read_photo(path, data)), False


def of_pixels(pixels: NDArray[np.uint8]) -> Coded:
    """A picture as the JPEG of quality 100 codes it that stands for it: uint8 H x W x 3."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return _of_jpeg(buffer.getvalue())


def _of_jpeg(data: bytes) -> Coded:
    image = JpegImageFile(io.BytesIO(data))
    with tempfile.TemporaryDirectory() as folder:  # jpeglib reads files alone
        path = Path(folder, "picture.jpg")
        path.write_bytes(data)
        coded = jpeglib.read_dct(str(path))
    rows, columns = coded.Y.shape[:2]
    return Coded(
        np.asarray(image.convert("RGB")),
        coded.Y.transpose(0, 2, 1, 3).reshape(rows * SIDE, columns * SIDE),
        coded.qt[coded.quant_tbl_no[0]],
        image.getexif().get(ORIENTATION, 1),
    )
