"""What Pillow does not read of TIFF rightly: 16 bit a channel; and what is refused."""

from __future__ import annotations

import io
import logging

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import EXTRASAMPLE, PHOTOMETRIC, PLANARCONFIG, SAMPLEFORMAT

from safebench.images.decoding import UnreadableError, check_size, deep_pixels, to_8_bit, upright, without_alpha

# what tifffile has to say of odd tags goes to the log of whoever set one up, not to stderr
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_MOST_CHANNELS = 5  # some scanners add one of their own to RGB and alpha
_READ = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)


def decode_deep(data: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a TIFF with 16 bit a channel, rounded to 8; None for one of up to 8 bit, which Pillow reads.

    Returns uint8 H x W or H x W x 3, upright.  Raises UnreadableError for several pages, numbers that are no levels
    (floating point, signed, 12 or 32 bit) and colour spaces other than gray and RGB; tifffile's own errors on a
    damaged file.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        if len(file.pages) != 1:
            pages = f"it holds {len(file.pages)} pages, not one image"
            raise UnreadableError(pages if len(file.pages) else "it is damaged: its image cannot be found in it")
        page = file.pages.first
        check_size(page.imagewidth, page.imagelength)
        if page.sampleformat == SAMPLEFORMAT.IEEEFP:
            raise UnreadableError(
                "it holds floating-point numbers, whose white is not defined; save it with 8 or 16 bit"
            )
        if page.bitspersample not in (1, 2, 4, 8, 16) or page.sampleformat not in (
            SAMPLEFORMAT.UINT,
            SAMPLEFORMAT.VOID,
        ):
            kind = "signed" if page.sampleformat == SAMPLEFORMAT.INT else f"{page.bitspersample}-bit"
            raise UnreadableError(f"it holds {kind} numbers; save it with 8 or 16 bit")
        if page.bitspersample < 16:
            return None
        if page.samplesperpixel > _MOST_CHANNELS:
            raise UnreadableError(f"it has {page.samplesperpixel} channels; a photo has up to 4")
        if page.photometric not in _READ:
            raise UnreadableError("its colour space is not read with 16 bit a channel; save it as RGB")
        # tifffile needs another package for LZW and its like; OpenCV has them, for pixels that are not split in planes
        known = page.compression in tifffile.TIFF.DECOMPRESSORS
        levels = to_8_bit(_levels(page) if known or page.planarconfig == PLANARCONFIG.SEPARATE else deep_pixels(data))
        if page.photometric == PHOTOMETRIC.MINISWHITE and known:
            levels = 255 - levels
        orientation = page.tags.get(274)
        return upright(levels, orientation.value if orientation else 1)


def _levels(page: tifffile.TiffPage) -> NDArray[np.uint16]:
    pixels = page.asarray()
    if page.samplesperpixel == 1:
        return pixels
    if page.planarconfig == PLANARCONFIG.SEPARATE:
        pixels = np.moveaxis(pixels, 0, -1)
    colours = page.samplesperpixel - len(page.extrasamples)
    for number, kind in enumerate(page.extrasamples):
        if kind != EXTRASAMPLE.UNSPECIFIED:
            without_alpha(pixels, pixels[:, :, colours + number], 65535)
    return pixels[:, :, 0] if colours == 1 else pixels[:, :, :3]
