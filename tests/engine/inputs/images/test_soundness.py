"""Files whose pixels a decoder makes up are refused; their sound twins, odd ones among them, are read."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safebench.errors import ImageError
from safebench.inputs.images import read_mask, read_photo
from safebench.inputs.names import IMAGE_SUFFIXES

from .pictures import read, saved, tiff

_noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
PHOTO = np.asarray(Image.fromarray(_noise).resize((256, 192), Image.Resampling.BICUBIC))
TEXT = b"<html><body>503 Service Unavailable: try again later</body></html>"

JPEG: dict[str, bytes] = {
    "baseline": saved(PHOTO, "JPEG", quality=90),
    "optimised": saved(PHOTO, "JPEG", optimize=True),
    "progressive": saved(PHOTO, "JPEG", quality=90, progressive=True),
    "gray": saved(PHOTO[:, :, 0], "JPEG"),
    "cmyk": saved(Image.fromarray(PHOTO).convert("CMYK"), "JPEG"),
    "4:4:4": saved(PHOTO, "JPEG", subsampling=0),
    "rgb": saved(PHOTO, "JPEG", keep_rgb=True),
    "restart markers": saved(PHOTO, "JPEG", restart_marker_blocks=5),
    "flat": saved(np.full_like(PHOTO, 255), "JPEG", optimize=True),
}
WEBP: dict[str, bytes] = {
    "lossy": saved(PHOTO, "WEBP", quality=90),
    "lossless": saved(PHOTO, "WEBP", lossless=True),
    "with a profile": saved(PHOTO, "WEBP", icc_profile=bytes(301)),
}


def cut_jpeg(data: bytes, end: bytes) -> bytes:
    scan = data.index(b"\xff\xda")
    return data[: (scan + len(data)) // 2] + end


def changed_webp(data: bytes, change: Any) -> bytes:
    """A WebP file whose compressed pixels were changed, with the lengths in its heads set right."""
    kind = b"VP8L" if b"VP8L" in data else b"VP8 "
    place = data.index(kind)
    size = int.from_bytes(data[place + 4 : place + 8], "little")
    pixels = change(data[place + 8 : place + 8 + size])
    pixels += b"\0" * (len(pixels) % 2)
    body = data[8:place] + kind + struct.pack("<I", len(pixels)) + pixels + data[place + 8 + size + size % 2 :]
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("kind", JPEG)
def test_a_jpeg_that_was_cut_and_ended_is_refused(kind):
    data = JPEG[kind]
    with pytest.raises(ImageError, match=r"photo\.jpg: it is damaged: its pixels end early"):
        read(cut_jpeg(data, b"\xff\xd9"))
    if kind != "flat":  # of which hardly anything is left
        zeros = bytes(len(data) - len(cut_jpeg(data, b"")) - 2)
        with pytest.raises(ImageError, match=r"photo\.jpg: it is damaged"):
            read(cut_jpeg(data, zeros + b"\xff\xd9"))


@pytest.mark.parametrize("kind", sorted(set(JPEG) - {"flat"}))
def test_a_jpeg_with_text_in_its_scan_is_refused(kind):
    data = JPEG[kind]
    place = data.rindex(b"\xff\xda") + (len(data) - data.rindex(b"\xff\xda")) // 2
    with pytest.raises(ImageError, match=r"photo\.jpg: it is damaged"):
        read(data[:place] + TEXT + data[place + len(TEXT) :])


@pytest.mark.parametrize("kind", JPEG)
def test_a_sound_jpeg_is_read_whatever_lies_around_its_pixels(kind):
    data = JPEG[kind]
    pixels = read(data)
    for odd in (
        data + TEXT,
        data + bytes(5000),
        data + data,
        data[:2] + b"\xff\xfe" + struct.pack(">H", len(TEXT) + 2) + TEXT + data[2:],
        data[:-2] + bytes(0 if kind == "flat" else 40) + data[-2:],  # a flat one's pixels are zeros themselves
        data[:-2] + b"\xff\xff\xff\xd9",
    ):
        np.testing.assert_array_equal(read(odd), pixels)


@pytest.mark.parametrize("kind", WEBP)
def test_a_damaged_webp_is_refused_and_its_sound_twin_read(kind):
    data = WEBP[kind]
    np.testing.assert_array_equal(read(changed_webp(data, bytes)), read(data))
    for change in (
        lambda pixels: pixels[: len(pixels) // 2],
        lambda pixels: pixels[: len(pixels) // 2] + bytes(len(pixels) - len(pixels) // 2),
        lambda pixels: pixels[: len(pixels) // 2] + TEXT + pixels[len(pixels) // 2 + len(TEXT) :],
    ):
        with pytest.raises(ImageError, match=r"photo\.jpg: it is damaged"):
            read(changed_webp(data, change))


@pytest.mark.parametrize("level", [0, 9, 128, 255])
def test_flat_pictures_are_sound(level):
    flat = np.full((64, 96, 3), level, np.uint8)
    half = np.concatenate([PHOTO[:64, :96], flat])
    for pixels in (flat, half):
        for options in ({"quality": 80}, {"lossless": True}, {"quality": 5, "method": 0}):
            assert read(saved(pixels, "WEBP", **options)).shape == pixels.shape
        assert read(saved(pixels, "JPEG", optimize=True, quality=30)).shape == pixels.shape


def test_a_tiff_of_jpeg_strips_is_checked_too():
    whole = saved(PHOTO, "TIFF", compression="jpeg")
    assert read(whole).shape == PHOTO.shape
    place = len(whole) // 2
    with pytest.raises(ImageError, match=r"photo\.jpg: it is damaged"):
        read(whole[:place] + bytes(300) + whole[place + 300 :])
    assert read(tiff(PHOTO, photometric="rgb", compression="zlib")).shape == PHOTO.shape


@pytest.mark.parametrize("filling", [b"\0", b"\xff", b"\xaa"])
def test_a_packed_tiff_that_was_overwritten_is_refused(filling):
    whole = saved(PHOTO, "TIFF", compression="tiff_deflate")
    assert (read(whole) == PHOTO).all()
    for part in (0.2, 0.4, 0.6, 0.8):
        place = int(part * len(whole))
        with pytest.raises(ImageError, match=r"photo\.jpg: it is damaged"):
            read(whole[:place] + 2000 * filling + whole[place + 2000 :])


def test_a_mask_is_read_by_the_same_reader():
    hole = np.kron(np.eye(8, dtype=np.uint8) * 255, np.ones((16, 16), np.uint8))
    data = saved(hole, "JPEG", quality=95)
    assert read_mask(Path("mask.jpg"), data).mean() == pytest.approx(1 / 8, abs=0.01)
    with pytest.raises(ImageError, match=r"mask\.jpg: it is damaged"):
        read_mask(Path("mask.jpg"), cut_jpeg(data, b"\xff\xd9"))


def test_real_photos_are_sound(shared):
    photos = [path for path in (shared / "data").rglob("*") if path.suffix in IMAGE_SUFFIXES - {".png"}]
    for path in sorted(photos)[::60]:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            np.testing.assert_array_equal(read_photo(path), np.asarray(image.convert("RGB")))
