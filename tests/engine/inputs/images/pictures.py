"""Pictures of noise, and files that hold them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from safebench.inputs.images import read_photo

HEIGHT, WIDTH = 40, 56
_random = np.random.default_rng(0)
RGB = _random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GRAY = RGB[:, :, 0]
DEEP = _random.integers(0, 65536, (HEIGHT, WIDTH, 3), dtype=np.uint16)
DEEP_AS_8 = np.floor(DEEP / 257 + 0.5).astype(np.uint8)


def saved(image: Image.Image | NDArray[Any], kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(array: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def by_opencv(ending: str, array: NDArray[Any], *options: int) -> bytes:
    order = array if array.ndim == 2 else array[:, :, [2, 1, 0, *range(3, array.shape[2])]]
    return cv2.imencode(ending, order, options)[1].tobytes()


def with_alpha(array: NDArray[Any], alpha: int) -> NDArray[Any]:
    return np.dstack([array, np.full(array.shape[:2], alpha, array.dtype)])


def read(data: bytes) -> NDArray[np.uint8]:
    photo = read_photo(Path("photo.jpg"), data)
    assert photo.dtype == np.uint8
    assert photo.shape[2] == 3
    return photo


def three(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.dstack([gray] * 3)


def key_coloured_png(clear: bool) -> bytes:
    pixels = np.where(RGB == 7, 8, RGB).astype(np.uint8)
    pixels[0, 0] = 7 if clear else 8
    return saved(pixels, "PNG", transparency=(7, 7, 7))


def deep_png_with_a_key(clear: bool) -> bytes:
    data = by_opencv(".png", np.full((HEIGHT, WIDTH, 3), 30_000, np.uint16))
    chunk = b"tRNS" + struct.pack(">3H", *(3 * [30_000 if clear else 30_001]))
    return data[:33] + struct.pack(">I", 6) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
