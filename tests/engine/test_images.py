"""Each kind of file is read rightly, or refused with a sentence that names it."""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from safebench.errors import ImageError
from safebench.images import MIN_SIDE, read_mask, read_photo, save_png, square_mask, to_square
from safebench.images.decoding import MAX_PIXELS, decode

HEIGHT, WIDTH = 40, 56
_random = np.random.default_rng(0)
RGB = _random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
GRAY = RGB[:, :, 0]
DEEP = _random.integers(0, 65536, (HEIGHT, WIDTH, 3), dtype=np.uint16)
DEEP_AS_8 = np.floor(DEEP / 257 + 0.5).astype(np.uint8)


@pytest.fixture(autouse=True)
def _silent(capfd: pytest.CaptureFixture[str]) -> Any:
    """No decoder writes to the terminal, and no warning gets out."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


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


@given(st.integers(0, 65535))
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


def key_coloured_png(clear: bool) -> bytes:
    pixels = np.where(RGB == 7, 8, RGB).astype(np.uint8)
    pixels[0, 0] = 7 if clear else 8
    return saved(pixels, "PNG", transparency=(7, 7, 7))


def deep_png_with_a_key(clear: bool) -> bytes:
    data = by_opencv(".png", np.full((HEIGHT, WIDTH, 3), 300, np.uint16))
    chunk = b"tRNS" + struct.pack(">3H", *(3 * [300 if clear else 301]))
    return data[:33] + struct.pack(">I", 6) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


def test_colours_that_are_declared_transparent_and_not_used_do_not_matter():
    assert read(key_coloured_png(clear=False)).shape == RGB.shape
    assert (read(deep_png_with_a_key(clear=False)) == 1).all()
    palette = Image.fromarray(GRAY % 16).convert("P")
    assert read(saved(palette, "PNG", transparency=200)).shape == RGB.shape
    assert read(saved(palette, "PNG", transparency=bytes([255] * 16 + [0] * 240))).shape == RGB.shape


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


@pytest.mark.parametrize("shape", [(1, 1), (MIN_SIDE - 1, 500), (20_000, 20)])
def test_a_photo_too_small_to_be_evidence_is_refused(shape):
    with pytest.raises(ImageError, match=rf"tiny\.png: .*{shape[1]}x{shape[0]}"):
        to_square(np.zeros((*shape, 3), np.uint8), 256, "tiny.png")


def test_a_photo_of_the_size_is_left_as_it_is():
    photo = _random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_square(photo, 64), photo)
    np.testing.assert_array_equal(to_square(np.pad(photo, ((0, 0), (5, 6), (0, 0))), 64), photo)


def test_a_photo_is_cropped_in_the_middle_and_resized_with_averaging():
    photo = np.zeros((100, 300, 3), np.uint8)
    photo[:, 100:200:2] = 255  # stripes one pixel wide: gray once averaged, black or white if only picked out
    square = to_square(photo, 50)
    assert square.shape == (50, 50, 3)
    assert np.abs(square[5:-5, 5:-5].astype(int) - 128).max() <= 2


def mask_of(data: bytes) -> NDArray[np.bool_]:
    mask = read_mask(Path("mask.png"), data)
    assert mask.dtype == np.bool_
    return mask


def test_masks_of_every_kind_say_white_is_hole():
    hole = GRAY > 127
    levels = hole.astype(np.uint8) * 255
    for data in (
        saved(Image.fromarray(hole), "PNG"),
        saved(levels, "PNG"),
        saved(levels, "TIFF"),
        saved(three(levels), "PNG"),
        saved(with_alpha(three(levels), 255), "PNG"),
        saved(Image.fromarray(levels).convert("P"), "PNG"),
        by_opencv(".png", levels.astype(np.uint16) * 257),
        saved(np.kron(levels, np.ones((8, 8), np.uint8)), "JPEG"),
    ):
        mask = mask_of(data)
        np.testing.assert_array_equal(mask, hole if mask.shape == hole.shape else np.kron(hole, np.ones((8, 8), bool)))


def test_the_threshold_of_a_mask_lies_between_127_and_128():
    np.testing.assert_array_equal(mask_of(saved(np.array([[127, 128, 255]], np.uint8), "PNG")), [[False, True, True]])


def test_an_all_black_mask_has_no_hole():
    assert not mask_of(saved(np.zeros((5, 5), np.uint8), "PNG")).any()


def test_what_is_no_mask_is_refused():
    with pytest.raises(ImageError, match=r"mask\.png: .*colours"):
        mask_of(saved(RGB, "PNG"))
    with pytest.raises(ImageError, match=r"mask\.png: .*brightest pixel is 1 of 255"):
        mask_of(saved((GRAY > 127).astype(np.uint8), "PNG"))
    with pytest.raises(ImageError, match="transparent"):
        mask_of(saved(with_alpha(GRAY, 0), "PNG"))


@given(st.integers(1, 600), st.integers(1, 600), st.sampled_from([64, 128, 256]), st.integers(0, 9))
def test_a_mask_takes_the_nearest_pixel_as_pillow_does(height, width, size, seed):
    mask = np.random.default_rng(seed).random((height, width)) < 0.5
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    crop = Image.fromarray(mask[top : top + side, left : left + side].astype(np.uint8))
    expected = np.asarray(crop.resize((size, size), Image.Resampling.NEAREST)) > 0
    np.testing.assert_array_equal(square_mask(mask, size), expected)


def test_png_files_come_back_exactly(tmp_path):
    arrays: dict[str, Any] = {"rgb": RGB, "gray": GRAY, "bool": GRAY > 99, "deep": DEEP[:, :, 0]}
    for name, array in arrays.items():
        path = tmp_path / "new folder" / f"{name}.png"
        save_png(path, array)
        expected = array.astype(np.uint8) * 255 if array.dtype == np.bool_ else array
        with Image.open(path) as image:
            back = np.asarray(image)
        assert back.dtype == expected.dtype
        np.testing.assert_array_equal(back, expected)
    assert sorted(p.name for p in (tmp_path / "new folder").iterdir()) == [
        "bool.png",
        "deep.png",
        "gray.png",
        "rgb.png",
    ]


def test_png_files_hold_their_text_and_are_the_same_bytes_each_time(tmp_path):
    save_png(tmp_path / "a.png", RGB, {"Software": "SafeBench", "Inpainter": "télea 漢"})
    save_png(tmp_path / "b.png", RGB, {"Inpainter": "télea 漢", "Software": "SafeBench"})
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.info == {"Software": "SafeBench", "Inpainter": "télea 漢"}


def test_what_is_no_picture_is_not_written(tmp_path):
    arrays: list[Any] = [RGB.astype(np.float32), with_alpha(RGB, 255), RGB[0, 0], DEEP]
    for array in arrays:
        with pytest.raises(ValueError, match="cannot be written"):
            save_png(tmp_path / "x.png", array)
    assert not list(tmp_path.iterdir())


def test_a_png_that_cannot_be_finished_leaves_the_old_one(tmp_path, monkeypatch):
    save_png(tmp_path / "a.png", GRAY)
    before = (tmp_path / "a.png").read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safebench.files.os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        save_png(tmp_path / "a.png", RGB)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.png", before)]


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
