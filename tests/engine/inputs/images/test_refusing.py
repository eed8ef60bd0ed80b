"""What cannot be read rightly is refused with a sentence that names it."""

from __future__ import annotations

import contextlib
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from safebench.errors import ImageError
from safebench.inputs.images import read_photo
from safebench.inputs.images.decoding import decode
from safebench.inputs.images.levels import MAX_PIXELS

from .pictures import (
    DEEP,
    GRAY,
    HEIGHT,
    RGB,
    WIDTH,
    by_opencv,
    deep_png_with_a_key,
    key_coloured_png,
    read,
    saved,
    tiff,
    with_alpha,
)


def page(kind: str, **options: Any) -> bytes:
    image = Image.fromarray(RGB)
    return saved(image, kind, save_all=True, append_images=[image.rotate(90)], **options)


PALETTE = Image.fromarray(GRAY % 16).convert("P")
REFUSED = {
    "zero bytes": (b"", "empty"),
    "text": (b"no image at all, but text", "no image"),
    "one byte": (b"\xff", "no image"),
    "gif": (saved(GRAY, "GIF"), "GIF"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
    "transparent png": (saved(with_alpha(RGB, 254), "PNG"), "transparent"),
    "transparent webp": (saved(with_alpha(RGB, 0), "WEBP"), "transparent"),
    "transparent gray": (saved(with_alpha(GRAY, 3), "PNG"), "transparent"),
    "transparent colour": (key_coloured_png(clear=True), "transparent"),
    "transparent 16-bit colour": (deep_png_with_a_key(clear=True), "transparent"),
    "transparent palette entry": (saved(PALETTE, "PNG", transparency=3), "transparent"),
    "transparent palette": (saved(PALETTE, "PNG", transparency=bytes([9] * 256)), "transparent"),
    "transparent 16-bit png": (by_opencv(".png", with_alpha(DEEP, 65534)), "transparent"),
    "transparent 16-bit tiff": (
        tiff(with_alpha(DEEP, 1), photometric="rgb", extrasamples=["unassalpha"]),
        "transparent",
    ),
    "two pages": (page("TIFF"), "2 pages"),
    "two 16-bit pages": (tiff(np.stack([DEEP, DEEP]), photometric="rgb"), "2 pages"),
    "animated png": (page("PNG"), "2 images"),
    "animated webp": (page("WEBP"), "2 images"),
    "float tiff": (tiff(GRAY.astype(np.float32)), "floating-point"),
    "float rgb tiff": (tiff(RGB.astype(np.float16), photometric="rgb"), "floating-point"),
    "signed tiff": (tiff(GRAY.astype(np.int16)), "signed"),
    "32-bit tiff": (tiff(GRAY.astype(np.uint32)), "32-bit"),
    "16-bit cmyk tiff": (tiff(with_alpha(DEEP, 1), photometric="separated"), "colour space"),
    "many channels": (
        tiff(np.repeat(DEEP[:, :, :1], 9, axis=2), photometric="minisblack", planarconfig="contig"),
        "9 channels",
    ),
    "8-bit numbers in 16": (tiff(RGB.astype(np.uint16), photometric="rgb"), "255 of 65535: 8-bit numbers"),
    "12-bit numbers in 16": (by_opencv(".png", DEEP // 16), r"409\d of 65535: 12-bit numbers\? multiply them by 16"),
    "14-bit numbers in 16": (tiff(DEEP[:, :, 0] // 4), r"163\d\d of 65535: 14-bit numbers\? multiply them by 4"),
    "lab tiff": (saved(Image.new("LAB", (WIDTH, HEIGHT)), "TIFF"), "colour space"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_rightly_is_refused_with_the_name_and_the_reason(kind):
    data, reason = REFUSED[kind]
    with pytest.raises(ImageError, match=rf"^some/photo\.png: .*{reason}"):
        read_photo(Path("some/photo.png"), data)


WHOLE = {
    "jpeg": saved(RGB, "JPEG"),
    "progressive jpeg": saved(RGB, "JPEG", progressive=True),
    "png": saved(RGB, "PNG"),
    "16-bit png": by_opencv(".png", DEEP),
    "webp": saved(RGB, "WEBP", lossless=True),
    "bmp": saved(RGB, "BMP"),
    "tiff": saved(RGB, "TIFF"),
    "lzw tiff": saved(RGB, "TIFF", compression="tiff_lzw"),
    "jpeg in tiff": saved(RGB, "TIFF", compression="jpeg"),
    "16-bit tiff": tiff(DEEP, photometric="rgb"),
    "16-bit deflate tiff": tiff(DEEP, photometric="rgb", compression="zlib"),
    "16-bit lzw tiff": by_opencv(".tif", DEEP, cv2.IMWRITE_TIFF_COMPRESSION, 5),
}


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_refused(kind, share):
    data = WHOLE[kind]
    with pytest.raises(ImageError, match=r"^photo\.jpg: it is "):
        read_photo(Path("photo.jpg"), data[: int(len(data) * share)])


@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(kind, data):
    damaged = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ImageError):
        photo = read_photo(Path("photo.jpg"), bytes(damaged))
        assert photo.dtype == np.uint8
        assert photo.ndim == 3


@pytest.mark.parametrize("pixels", [RGB, DEEP], ids=["8-bit", "16-bit"])
def test_a_tiff_that_lacks_pixels_is_not_read_as_black(pixels):
    data = tiff(pixels, photometric="rgb", compression="zlib", rowsperstrip=8)
    length = data.index(struct.pack("<HHI", 257, 4, 1)) + 8
    taller = data[:length] + struct.pack("<I", 2 * HEIGHT) + data[length + 4 :]
    with pytest.raises(ImageError, match="5 of the 10 strips"):
        read(taller)


def test_a_bomb_is_refused_before_it_is_decoded():
    side = int(MAX_PIXELS**0.5) + 1
    png = bytearray(saved(Image.new("1", (8, 8)), "PNG"))
    png[16:24] = struct.pack(">II", side, side)
    png[29:33] = struct.pack(">I", zlib.crc32(bytes(png[12:29])))
    with pytest.raises(ImageError, match="megapixels"):
        read_photo(Path("bomb.png"), bytes(png))


def test_a_large_photo_is_read_without_a_warning():
    photo = decode(saved(Image.new("L", (20_000, 4_500), 9), "PNG", compress_level=1))
    assert photo.shape == (4_500, 20_000)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "missing.png", tmp_path):
        with pytest.raises(ImageError, match=str(path)):
            read_photo(path)
