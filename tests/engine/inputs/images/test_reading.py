"""Each kind of file is read rightly."""

from __future__ import annotations

import io
import random
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from safebench.errors import ImageError
from safebench.inputs.images import read_mask, read_photo, read_profile

from .pictures import (
    DEEP,
    DEEP_AS_8,
    GRAY,
    HEIGHT,
    RGB,
    WIDTH,
    by_opencv,
    deep_png_with_a_key,
    key_coloured_png,
    read,
    saved,
    three,
    tiff,
    with_alpha,
)


def test_lossless_8_bit_files_are_read_exactly():
    for data in (
        saved(RGB, "PNG"),
        saved(RGB, "BMP"),
        saved(RGB, "WEBP", lossless=True),
        saved(with_alpha(RGB, 255), "PNG"),
        saved(with_alpha(RGB, 255), "TIFF"),
        saved(with_alpha(RGB, 255), "WEBP", lossless=True),
        *(saved(RGB, "TIFF", compression=name) for name in (None, "tiff_lzw", "tiff_deflate", "packbits")),
        tiff(np.moveaxis(RGB, 2, 0), photometric="rgb", planarconfig="separate"),
    ):
        np.testing.assert_array_equal(read(data), RGB)


def test_jpeg_is_read_as_pillow_decodes_it():
    data = saved(RGB, "JPEG", quality=95)
    np.testing.assert_array_equal(read(data), np.asarray(Image.open(io.BytesIO(data))))


def test_gray_is_repeated():
    for data in (
        saved(GRAY, "PNG"),
        saved(GRAY, "BMP"),
        saved(GRAY, "TIFF"),
        saved(np.dstack([GRAY, GRAY | 255]), "PNG"),
    ):
        np.testing.assert_array_equal(read(data), three(GRAY))


def test_one_bit_is_black_and_white():
    bits = GRAY > 127
    for kind in ("PNG", "TIFF", "BMP"):
        np.testing.assert_array_equal(read(saved(Image.fromarray(bits), kind)), three(bits.astype(np.uint8) * 255))


def test_a_palette_is_looked_up():
    image = Image.fromarray(RGB).quantize(50)
    for kind in ("PNG", "BMP", "TIFF"):
        np.testing.assert_array_equal(read(saved(image, kind)), np.asarray(image.convert("RGB")))


def test_16_bit_is_rounded_to_8():
    opaque = with_alpha(DEEP, 65535)
    for data in (
        by_opencv(".png", DEEP),
        by_opencv(".png", opaque),
        by_opencv(".tif", DEEP, cv2.IMWRITE_TIFF_COMPRESSION, 5),
        tiff(DEEP, photometric="rgb"),
        tiff(DEEP, photometric="rgb", byteorder=">", compression="zlib", predictor=True),
        tiff(DEEP, photometric="rgb", bigtiff=True),
        tiff(np.moveaxis(DEEP, 2, 0), photometric="rgb", planarconfig="separate"),
        tiff(opaque, photometric="rgb", extrasamples=["unassalpha"]),
    ):
        np.testing.assert_array_equal(read(data), DEEP_AS_8)


def white_is_zero(data: bytes) -> bytes:
    """A gray TIFF whose header says that it counts from white."""
    place = data.index(struct.pack("<HHI", 262, 3, 1)) + 8
    return data[:place] + struct.pack("<H", 0) + data[place + 2 :]


def test_16_bit_gray_is_rounded_to_8():
    gray = np.ascontiguousarray(DEEP[:, :, 0])
    for data in (
        by_opencv(".png", gray),
        by_opencv(".tif", gray, cv2.IMWRITE_TIFF_COMPRESSION, 5),
        tiff(gray),
        tiff(with_alpha(gray, 65535), photometric="minisblack", planarconfig="contig", extrasamples=["unassalpha"]),
        tiff(65535 - gray, photometric="miniswhite"),
        white_is_zero(by_opencv(".tif", 65535 - gray, cv2.IMWRITE_TIFF_COMPRESSION, 5)),
    ):
        np.testing.assert_array_equal(read(data), three(DEEP_AS_8[:, :, 0]))


@given(st.integers(2**14, 65535))
def test_16_bit_levels_go_to_the_nearest_of_8(level):
    photo = read(tiff(np.full((2, 2), level, np.uint16)))
    assert abs(int(photo[0, 0, 0]) * 257 - level) <= 128


ORIENTATIONS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_exif_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = ORIENTATIONS[orientation]
    for kind in ("PNG", "TIFF"):
        np.testing.assert_array_equal(read(saved(RGB, kind, exif=exif)), upright(RGB))
    np.testing.assert_array_equal(read(saved(RGB, "WEBP", lossless=True, exif=exif)), upright(RGB))
    plain = np.asarray(Image.open(io.BytesIO(saved(RGB, "JPEG"))))
    np.testing.assert_array_equal(read(saved(RGB, "JPEG", exif=exif)), upright(plain))
    deep = tiff(DEEP, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    np.testing.assert_array_equal(read(deep), upright(DEEP_AS_8))


def test_broken_exif_data_do_not_hide_the_photo():
    np.testing.assert_array_equal(read(saved(RGB, "PNG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff")), RGB)


def test_cmyk_is_converted_whether_or_not_adobe_inverted_it():
    red = Image.new("CMYK", (WIDTH, HEIGHT), (0, 255, 255, 0))
    for kind in ("JPEG", "TIFF"):
        photo = read(saved(red, kind)).astype(int)
        assert np.abs(photo - (255, 0, 0)).max() <= 3


def test_cmyk_goes_through_the_profile_in_the_file():
    image = Image.new("CMYK", (WIDTH, HEIGHT), (255, 0, 0, 0))
    profile = cmyk_profile_that_makes_all_lab(54, 80, 69)
    for kind in ("JPEG", "TIFF"):
        photo = read(saved(image, kind, icc_profile=profile)).astype(int)
        assert np.abs(photo - (255, 0, 0)).max() <= 12
    without = read(saved(image, "TIFF", icc_profile=b"no profile"))
    np.testing.assert_array_equal(without, np.broadcast_to((0, 255, 255), without.shape))


def cmyk_profile_that_makes_all_lab(lightness: int, a: int, b: int) -> bytes:
    """A printer profile whose one table, of 2^4 points, holds one colour."""
    lab = bytes([round(lightness * 255 / 100), a + 128, b + 128])
    ramp = bytes(range(256))
    identity = struct.pack(">9i", *(65536 * (k % 4 == 0) for k in range(9)))
    table = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + lab * 16 + ramp * 3
    header = struct.pack(">I4sI4s4s4s", 144 + len(table), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    header += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    return header + struct.pack(">I4sII", 1, b"A2B0", 144, len(table)) + table


def test_a_jpeg_with_a_second_picture_in_it_is_its_first():
    image = Image.fromarray(RGB)
    data = saved(image, "MPO", save_all=True, append_images=[image.rotate(180)], quality=95)
    assert Image.open(io.BytesIO(data)).n_frames == 2  # type: ignore[attr-defined]
    assert np.abs(read(data).astype(int) - np.asarray(Image.open(io.BytesIO(data)))).max() == 0


def test_a_fax_is_read():
    bits = GRAY > 127
    data = saved(Image.fromarray(bits), "TIFF", compression="group4")
    np.testing.assert_array_equal(read(data), three(bits.astype(np.uint8) * 255))


def test_what_is_read_depends_on_the_content_not_on_the_name(tmp_path):
    path = tmp_path / "really-a-png.jpg"
    path.write_bytes(saved(RGB, "PNG"))
    np.testing.assert_array_equal(read_photo(path), RGB)


def test_colours_that_are_declared_transparent_and_not_used_do_not_matter():
    assert read(key_coloured_png(clear=False)).shape == RGB.shape
    assert (read(deep_png_with_a_key(clear=False)) == 117).all()
    palette = Image.fromarray(GRAY % 16).convert("P")
    assert read(saved(palette, "PNG", transparency=200)).shape == RGB.shape
    assert read(saved(palette, "PNG", transparency=bytes([255] * 16 + [0] * 240))).shape == RGB.shape


def test_text_is_kept_out_of_what_the_pixels_say(tmp_path):
    info = PngInfo()
    info.add_text("Comment", "x" * 5000)
    np.testing.assert_array_equal(read(saved(RGB, "PNG", pnginfo=info)), RGB)


def test_the_authors_files_are_read(shared):
    published = shared / "data" / "published"
    photos = [p for p in published.rglob("*") if p.suffix.lower() in {".png", ".jpg", ".jpeg"}]
    transparent = {f"places2_case{k}_mask.png" for k in (1, 3, 4)}  # DeepFill's masks, drawn on a transparent layer
    for path in [path for path in sorted(photos) if path.name not in transparent][::4]:
        assert read_photo(path).ndim == 3
    masks = sorted((published / "edgeconnect" / "places2" / "masks").iterdir())
    assert 0 < np.mean([read_mask(path).mean() for path in masks]) < 0.6


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    data = saved(RGB, "PNG")
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return data[:33] + b"".join(parts) + data[33:]


def test_metadata_of_any_size_do_not_hide_the_photo():
    long = random.Random(0).randbytes(2 << 20).replace(b"\0", b"x")
    packed = zlib.compress(bytes(3 << 20))
    for chunks in (
        [(b"tEXt", b"Comment\0" + long)],
        [(b"zTXt", b"Comment\0\0" + packed)],
        [(b"iTXt", b"Comment\0\1\0\0\0" + packed)],
        [(b"iTXt", b"Comment\0\0\0\0\0" + b"x" * (2 << 20))],
        [(b"iCCP", b"profile\0\0" + packed)],
        [(b"tEXt", b"Comment\0" + long), (b"zTXt", b"Comment\0\0" + packed)],
    ):
        np.testing.assert_array_equal(read(png_with(*chunks)), RGB)
    exif = Image.Exif()
    exif[0x0112] = 3
    turned = png_with((b"tEXt", b"Comment\0" + long), (b"eXIf", exif.tobytes()[6:]))
    np.testing.assert_array_equal(read(turned), RGB[::-1, ::-1])


def profile(space: bytes, size: int = 400) -> bytes:
    return bytes(16) + space + bytes(size - 20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_the_profile_of_colours_is_found(tmp_path, kind):
    path = tmp_path / "photo"
    for content, found in ((profile(b"RGB "), profile(b"RGB ")), (profile(b"GRAY"), None), (b"", None)):
        path.write_bytes(saved(RGB, kind, icc_profile=content))
        assert read_profile(path) == found


def test_a_profile_of_any_size_is_found_and_a_damaged_one_is_none(tmp_path):
    path, large = tmp_path / "photo.png", profile(b"RGB ", 2 << 20)
    path.write_bytes(png_with((b"iCCP", b"large\0\0" + zlib.compress(large))))
    assert read_profile(path) == large
    path.write_bytes(png_with((b"iCCP", b"damaged\0\0" + large[:99])))
    assert read_profile(path) is None
    path.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"photo\.png"):
        read_profile(path)
