"""From a file's bytes to 8-bit pixels, gray or RGB."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from safebench.inputs.images.chunks import profile_of_png, without_large_text
from safebench.inputs.images.levels import UnreadableError, check_size, deep_pixels, to_8_bit, upright, without_alpha
from safebench.inputs.images.quiet import no_messages, no_warnings
from safebench.inputs.images.soundness import check_jpeg, check_webp

_ORIENTATION = 0x0112
_READERS: tuple[tuple[tuple[bytes, ...], type[ImageFile]], ...] = (
    ((b"\xff\xd8\xff",), JpegImageFile),
    ((b"\x89PNG\r\n\x1a\n",), PngImageFile),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImageFile),
    ((b"BM",), BmpImageFile),
)
_CHECKS: dict[type[ImageFile], Callable[[bytes], None]] = {
    JpegImageFile: check_jpeg,
    WebPImageFile: check_webp,
}
_OTHERS = {b"GIF8": "GIF", b"%PDF": "PDF", b"8BPS": "Photoshop", b"\0\0\0\x0cjP": "JPEG 2000", b"\xff\x0a": "JPEG XL"}


def decode(data: bytes) -> NDArray[np.uint8]:
    """The pixels of an image file: uint8 H x W (gray) or H x W x 3 (RGB), upright.

    Raises UnreadableError, and nothing else, with the reason.
    """
    reader = _reader(data)
    try:
        if reader is TiffImageFile:
            # imported here: tifffile takes a while to import, and most runs meet no TIFF
            from safebench.inputs.images import tiff

            if (deep := tiff.decode_deep(data)) is not None:
                return deep
        pixels = _decode(reader, data)
        if check := _CHECKS.get(reader):
            check(data)
        return pixels
    except UnreadableError:
        raise
    except Image.DecompressionBombError:
        raise UnreadableError("it has more pixels than a photo has") from None
    except MemoryError:
        raise UnreadableError("there is not enough memory to decode it") from None
    except Exception as error:  # on a damaged file a decoder may raise anything
        reason = str(error) or type(error).__name__
        raise UnreadableError(f"it is damaged or of a kind that cannot be read ({reason})") from None


def profile_of(data: bytes) -> bytes | None:
    """The ICC profile of an image file with RGB colours; None where there is none.  Raises UnreadableError."""
    reader = _reader(data)
    try:
        with no_messages() if reader is TiffImageFile else no_warnings():
            png = reader is PngImageFile  # which may hold a larger one than Pillow reads
            profile = profile_of_png(data) if png else reader(io.BytesIO(data)).info.get("icc_profile")
    except Exception as error:  # as above
        raise UnreadableError(f"it is damaged or of a kind that cannot be read ({error})") from None
    return profile if profile and profile[16:20] == b"RGB " else None


def _reader(data: bytes) -> type[ImageFile]:
    if not data:
        raise UnreadableError("it is empty (0 bytes)")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WebPImageFile
    for magics, reader in _READERS:
        if data.startswith(magics):
            return reader
    other = next((name for magic, name in _OTHERS.items() if data.startswith(magic)), "")
    if data[4:8] == b"ftyp":
        other = "HEIC, AVIF or video"
    what = f"a {other} file" if other else "no image that is known here"
    raise UnreadableError(f"it is {what}; JPEG, PNG, WebP, TIFF and BMP are read")


def _decode(reader: type[ImageFile], data: bytes) -> NDArray[np.uint8]:
    # The reader's class is called itself: Image.open would warn of large images, and look at every format.
    by_libtiff = reader is TiffImageFile
    if reader is PngImageFile:
        data = without_large_text(data)
    with no_messages() if by_libtiff else no_warnings():
        image = reader(io.BytesIO(data))
        check_size(*image.size)
        if getattr(image, "n_frames", 1) > 1:
            raise UnreadableError(f"it holds {image.n_frames} images, not one")  # type: ignore[attr-defined]
        if by_libtiff:
            image.load()
    image.load()
    orientation = _orientation(image)
    depth = data[24] if reader is PngImageFile else 8
    key = image.info.pop("transparency", None)
    if depth == 16:  # Pillow has checked that it is whole, but keeps 8 of the 16 bits
        return upright(to_8_bit(_without_key(deep_pixels(data), key)), orientation)
    if depth < 8 and image.mode in ("1", "L") and key is not None:
        key = key * 255 // (2**depth - 1)
    return upright(_flatten(image, key), orientation)


def _orientation(image: ImageFile) -> object:
    try:
        with no_warnings():
            return image.getexif().get(_ORIENTATION)
    except Exception:  # a photo with broken EXIF data is still a photo
        return None


def _flatten(image: Image.Image, key: object) -> NDArray[np.uint8]:
    """uint8 H x W or H x W x 3 of a decoded image; `key` is what its PNG declares transparent.

    Raises UnreadableError for transparent pixels and for colour spaces that are not read.
    """
    mode = image.mode
    if mode == "CMYK":
        return np.asarray(_from_cmyk(image))
    if mode == "P":
        return _palette(image, key)
    if mode in ("LA", "La", "RGBA", "RGBa", "PA"):
        bands = np.asarray(image.convert("RGBA") if mode == "PA" else image)
        colour = bands[:, :, 0] if mode in ("LA", "La") else bands[:, :, :3]
        return without_alpha(colour, bands[:, :, -1], 255)
    if mode in ("RGBX", "YCbCr"):
        return np.asarray(image.convert("RGB"))
    if mode not in ("1", "L", "RGB"):
        raise UnreadableError(f"its colour space ({mode}) is not read; save it as RGB")
    pixels = np.asarray(image)
    if mode == "1":
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    return _without_key(pixels, key)


def _without_key(pixels: NDArray[Any], key: object) -> NDArray[Any]:
    """`pixels`, where none has the one colour that a PNG declares transparent."""
    if key is None:
        return pixels
    hit = pixels == np.asarray(key)
    clear = hit.all(axis=2) if pixels.ndim == 3 else hit
    return without_alpha(pixels, clear, 0)


def _palette(image: Image.Image, key: object) -> NDArray[np.uint8]:
    if key is not None:
        table = np.full(256, 255, np.uint8)
        if isinstance(key, bytes):
            table[: len(key)] = np.frombuffer(key[:256], np.uint8)
        elif isinstance(key, int):
            table[key] = 0
        without_alpha(table, table[np.asarray(image)], 255)
    return np.asarray(image.convert("RGB"))


def _from_cmyk(image: Image.Image) -> Image.Image:
    """Through the profile in the file (relative colorimetric, black to black), else by Pillow's plain rule."""
    if profile := image.info.get("icc_profile"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image,
                source,
                ImageCms.createProfile("sRGB"),
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        except (ImageCms.PyCMSError, OSError):
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")
