"""Writing PNG files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from safebench.files import atomic_write

Pixels = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.bool_]


def save_png(path: Path, array: Pixels, text: Mapping[str, str] | None = None, profile: bytes | None = None) -> None:
    """Write an array as PNG, whole or not at all; see `encode_png`.  Raises ValueError, OSError."""
    atomic_write(path, encode_png(array, text, profile))


def encode_png(array: Pixels, text: Mapping[str, str] | None = None, profile: bytes | None = None) -> bytes:
    """An array as PNG; the same array and text give the same bytes.

    array: uint8 H x W x 3 (RGB), uint8 or uint16 H x W (gray), or bool H x W (8-bit gray, True = 255).
    `text` becomes the file's text chunks, in the order of the keys; `profile` its ICC profile.  Raises ValueError
    for any other array.
    """
    levels = array.astype(np.uint8) * np.uint8(255) if array.dtype == np.bool_ else array
    kinds = {(np.dtype(np.uint8), 2), (np.dtype(np.uint16), 2), (np.dtype(np.uint8), 3)}
    if (levels.dtype, levels.ndim) not in kinds or (levels.ndim == 3 and levels.shape[2] != 3):
        raise ValueError(f"an array of {array.dtype} {array.shape} cannot be written as a PNG")
    chunks = PngInfo()
    for key in sorted(text or {}):
        chunks.add_text(key, (text or {})[key])
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(levels)).save(buffer, "PNG", pnginfo=chunks, icc_profile=profile)
    return buffer.getvalue()
