"""Pictures that their EXIF data say are to be turned go out as they lie, without saying so.

Some programs turn such a picture when they open it and others do not, so that of its map nobody knew how it lies.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from safebench.inputs.images import read_photo
from safebench.inputs.images.levels import upright
from safebench.inputs.images.quiet import no_warnings

_ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)
"""The orientations that change a picture's height for its width."""
_SHORT = 3
_ENTRY = 12
"""Bytes of an entry of EXIF's table: its tag, its type, how many values, the value."""
_BACK = {6: 8, 8: 6}
"""What undoes an orientation; each of the others undoes itself."""


def orientation(data: bytes) -> int:
    """How an image file is to be turned, 1 to 8, as EXIF has it; 1 where it does not say."""
    try:
        with no_warnings(), Image.open(io.BytesIO(data)) as image:
            said = image.getexif().get(_ORIENTATION)
    except Exception:  # a picture with broken EXIF data is still a picture, and is decoded without them
        return 1
    return said if isinstance(said, int) and 1 <= said <= 8 else 1


def as_it_lies(data: bytes, suffix: str) -> tuple[bytes, str]:
    """A picture's file that is not to be turned, and its suffix: the same bytes where it was not to be before.

    A JPEG stays one, and what is coded in it the same; of other files that were to be turned a PNG is made.
    """
    turned = orientation(data)
    if turned == 1:
        return data, suffix
    if data.startswith(b"\xff\xd8\xff"):
        return _without_orientation(data), suffix
    pixels = upright(read_photo(Path(f"picture{suffix}"), data), _BACK.get(turned, turned))
    png = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(png, "PNG")
    return png.getvalue(), ".png"


def _without_orientation(data: bytes) -> bytes:
    """The same JPEG, whose EXIF data say 1; unchanged where they are not where they should be."""
    head = data.find(b"Exif\0\0") + 6
    order = {b"II": "<", b"MM": ">"}.get(data[head : head + 2])
    if head < 6 or order is None:
        return data
    fresh = bytearray(data)
    try:
        table = head + struct.unpack_from(f"{order}I", data, head + 4)[0]
        for index in range(struct.unpack_from(f"{order}H", data, table)[0]):
            entry = table + 2 + index * _ENTRY
            if struct.unpack_from(f"{order}HH", data, entry) == (_ORIENTATION, _SHORT):
                struct.pack_into(f"{order}H", fresh, entry + 8, 1)
    except struct.error:
        return data
    return bytes(fresh)
