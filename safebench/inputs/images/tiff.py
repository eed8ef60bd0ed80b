"""What Pillow does not read of TIFF rightly: 16 bit a channel; and what is refused."""

from __future__ import annotations

import io
import logging
import math
import zlib
from collections.abc import Iterator

import numpy as np
import tifffile
from numpy.typing import NDArray
from tifffile import COMPRESSION, EXTRASAMPLE, PHOTOMETRIC, PLANARCONFIG, SAMPLEFORMAT

from safebench.inputs.images.levels import UnreadableError, check_size, deep_pixels, to_8_bit, upright, without_alpha
from safebench.inputs.images.soundness import check_jpeg

# what tifffile has to say of odd tags goes to the log of whoever set one up, not to stderr
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_MOST_CHANNELS = 5  # some scanners add one of their own to RGB and alpha
_AT_A_TIME = 1 << 24
_READ = (PHOTOMETRIC.MINISWHITE, PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB)


def decode_deep(data: bytes) -> NDArray[np.uint8] | None:
    """The pixels of a TIFF with 16 bit a channel, rounded to 8; None for a sound one of up to 8, which Pillow reads.

    Returns uint8 H x W or H x W x 3, upright.  Raises UnreadableError for several pages, numbers that are no levels
    (floating point, signed, 12 or 32 bit) and colour spaces other than gray and RGB; tifffile's own errors on a
    damaged file.
    """
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        if len(file.pages) != 1:
            pages = f"it holds {len(file.pages)} pages, not one image"
            raise UnreadableError(pages if len(file.pages) else "it is damaged: its image cannot be found in it")
        page = file.pages.first
        _check(page)
        if page.bitspersample < 16:
            return None
        # tifffile needs another package for LZW and its like; OpenCV has them, for pixels that are not split in planes
        known = page.compression in tifffile.TIFF.DECOMPRESSORS or page.planarconfig == PLANARCONFIG.SEPARATE
        levels = to_8_bit(_levels(page) if known else deep_pixels(data))
        orientation = page.tags.get(274)
        turned = upright(levels, orientation.value if orientation else 1)
        return 255 - turned if page.photometric == PHOTOMETRIC.MINISWHITE else turned


def _check(page: tifffile.TiffPage) -> None:
    """Raises UnreadableError for a page whose pixels are no levels of gray or RGB, or are not all there."""
    check_size(page.imagewidth, page.imagelength)
    bits, kind = page.bitspersample, page.sampleformat
    if kind == SAMPLEFORMAT.IEEEFP:
        raise UnreadableError("it holds floating-point numbers, whose white is not defined; save it with 8 or 16 bit")
    if bits not in (1, 2, 4, 8, 16) or kind not in (SAMPLEFORMAT.UINT, SAMPLEFORMAT.VOID):
        numbers = "signed" if kind == SAMPLEFORMAT.INT else f"{bits}-bit"
        raise UnreadableError(f"it holds {numbers} numbers; save it with 8 or 16 bit")
    if bits == 16 and page.samplesperpixel > _MOST_CHANNELS:
        raise UnreadableError(f"it has {page.samplesperpixel} channels; a photo has up to 4")
    if bits == 16 and page.photometric not in _READ:
        raise UnreadableError("its colour space is not read with 16 bit a channel; save it as RGB")
    strips, needed = sum(count > 0 for count in page.databytecounts), math.prod(page.chunked)
    if not strips == needed == len(page.dataoffsets):  # the rest would be taken for black
        raise UnreadableError(f"it is damaged: it holds {strips} of the {needed} strips of its pixels")
    tables = page.jpegtables
    if page.compression == COMPRESSION.JPEG:
        for strip in _strips(page):
            check_jpeg(tables[:-2] + strip[2:] if tables else strip)
    if page.compression in (COMPRESSION.ADOBE_DEFLATE, COMPRESSION.DEFLATE):
        for strip in _strips(page):
            _check_packed(strip)


def _strips(page: tifffile.TiffPage) -> Iterator[bytes]:
    """The compressed bytes of each strip or tile."""
    file = page.parent.filehandle
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        file.seek(offset)
        yield file.read(count)


def _check_packed(strip: bytes) -> None:
    """Raises UnreadableError where bytes packed by zlib do not give their checksum, which libtiff does not look at."""
    unpacking = zlib.decompressobj()
    try:
        rest = strip
        while rest and not unpacking.eof:
            unpacking.decompress(rest, _AT_A_TIME)
            rest = unpacking.unconsumed_tail
    except zlib.error:
        raise UnreadableError("it is damaged: its pixels are not what was written") from None


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
