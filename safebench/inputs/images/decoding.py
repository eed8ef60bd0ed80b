"""From a file's bytes to 8-bit pixels, gray or RGB."""

from __future__ import annotations

import io
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

from safebench.inputs.images.quiet import no_messages, no_warnings

MAX_PIXELS = 2**28
"""A larger image is refused before it is decoded: at 268 megapixels it is an accident, or an attack."""

_ORIENTATION = 0x0112
_READERS: tuple[tuple[tuple[bytes, ...], type[ImageFile]], ...] = (
    ((b"\xff\xd8\xff",), JpegImageFile),
    ((b"\x89PNG\r\n\x1a\n",), PngImageFile),
    ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImageFile),
    ((b"BM",), BmpImageFile),
)
_OTHERS = {b"GIF8": "GIF", b"%PDF": "PDF", b"8BPS": "Photoshop", b"\0\0\0\x0cjP": "JPEG 2000", b"\xff\x0a": "JPEG XL"}


class UnreadableError(ValueError):
    """Why an image is refused, to follow the file's name."""


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
        return _decode(reader, data)
    except UnreadableError:
        raise
    except Image.DecompressionBombError:
        raise UnreadableError("it has more pixels than a photo has") from None
    except MemoryError:
        raise UnreadableError("there is not enough memory to decode it") from None
    except Exception as error:  # on a damaged file a decoder may raise anything
        reason = str(error) or type(error).__name__
        raise UnreadableError(f"it is damaged or of a kind that cannot be read ({reason})") from None


def check_size(width: int, height: int) -> None:
    """Raises UnreadableError for an image without pixels or with too many."""
    if width < 1 or height < 1:
        raise UnreadableError("it has no pixels")
    if width * height > MAX_PIXELS:
        raise UnreadableError(f"it has {width}x{height} pixels; up to {MAX_PIXELS / 1e6:.0f} megapixels are read")


def without_alpha(colour: NDArray[Any], alpha: NDArray[Any], opaque: int) -> NDArray[Any]:
    """`colour`, where `alpha` says `opaque` everywhere; raises UnreadableError where it does not."""
    if (alpha != opaque).any():
        raise UnreadableError("it has transparent pixels, and what lies under them is undefined: flatten it first")
    return colour


def to_8_bit(levels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """0..65535 to 0..255, rounded: 257 levels of the one are one of the other."""
    return ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def deep_pixels(data: bytes) -> NDArray[np.uint16]:
    """The pixels of a 16-bit PNG or TIFF by OpenCV, without opaque alpha: uint16 H x W or H x W x 3 (RGB)."""
    import cv2

    with no_messages():
        pixels: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise UnreadableError("its 16-bit pixels cannot be decoded")
    if pixels.ndim == 2:
        return pixels
    colour = pixels[:, :, 2::-1]
    return without_alpha(colour, pixels[:, :, 3], 65535) if pixels.shape[2] == 4 else colour


def upright(pixels: NDArray[np.uint8], orientation: object) -> NDArray[np.uint8]:
    """Undo an EXIF orientation (1 to 8; anything else is taken for 1)."""
    turned = pixels.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else pixels
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)


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
