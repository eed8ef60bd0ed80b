"""Reading photos and masks from files: each is read rightly, or refused with a sentence that names the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ImageError
from safebench.inputs.images.decoding import decode, profile_of
from safebench.inputs.images.kinds import GRAY_SPREAD, check_mask_levels
from safebench.inputs.images.levels import UnreadableError


def read_photo(path: Path, data: bytes | None = None) -> NDArray[np.uint8]:
    """Read a photo: JPEG, PNG, WebP, TIFF or BMP by its content, whatever its name ends in.

    `data` are the file's bytes, where the caller has read them already.  Returns uint8 H x W x 3, RGB, turned as the
    EXIF orientation says.  Gray is repeated, 16 bit rounded to 8, CMYK converted through its ICC profile; colour
    profiles of RGB photos are not applied.

    Raises ImageError for a file that cannot be read, is damaged (also where a decoder would fill what is missing),
    holds several images, floating-point numbers, 8 to 14 bits unscaled in 16 or transparent pixels, or has more than
    2^28 pixels (above Pillow's own limit of 1.8e8, WebP and TIFF).
    """
    pixels = _pixels(path, data)
    return np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels


def read_mask(path: Path, data: bytes | None = None, threshold: int | None = None) -> NDArray[np.bool_]:
    """Read a mask: white (more than 127 of 255) is hole.  Returns bool H x W, True = hole.

    threshold: the level (1 to 255) from which on a pixel is hole, for pictures of many levels.
    Raises ImageError as `read_photo` does, for an image with colours, and without a `threshold` for one whose levels
    may not mean hole or no hole: a brightest pixel that is gray, many grays, areas of one gray.
    """
    return hole_of_levels(path, read_levels(path, data), threshold)


def read_levels(path: Path, data: bytes | None = None) -> NDArray[np.uint8]:
    """The grey levels of a mask, uint8 H x W; raises ImageError as `read_photo` does, and for an image with colours."""
    pixels = _pixels(path, data)
    if pixels.ndim == 3:
        if (pixels.max(axis=2) - pixels.min(axis=2)).max() > GRAY_SPREAD:
            raise ImageError(f"{path}: it has colours, so it is no mask; a mask is black, and white where the hole is")
        pixels = pixels[:, :, 1]
    return pixels


def hole_of_levels(path: Path, levels: NDArray[np.uint8], threshold: int | None = None) -> NDArray[np.bool_]:
    """What is white in a mask's levels, or reaches the threshold; see `read_mask`."""
    if threshold is not None:
        return levels >= threshold
    check_mask_levels(path, levels)
    return levels > 127


def read_profile(path: Path) -> bytes | None:
    """The ICC profile of a photo with RGB colours, for a copy of its pixels; None where it has none.

    A CMYK photo's is none: `read_photo` has applied it.  Raises ImageError as `read_photo` does.
    """
    try:
        return profile_of(path.read_bytes())
    except OSError as error:
        raise ImageError(f"{path}: it cannot be read ({error.strerror or error})") from None
    except UnreadableError as error:
        raise ImageError(f"{path}: {error}") from None


def _pixels(path: Path, data: bytes | None) -> NDArray[np.uint8]:
    try:
        return decode(path.read_bytes() if data is None else data)
    except OSError as error:
        raise ImageError(f"{path}: it cannot be read ({error.strerror or error})") from None
    except UnreadableError as error:
        raise ImageError(f"{path}: {error}") from None
