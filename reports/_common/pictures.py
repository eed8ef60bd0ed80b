"""The gallery's pictures: copied from the run's folder, or drawn from its maps and holes.

Pictures are copied byte for byte: the PNG text of composites says which inpainter made them, so that nobody mistakes
them for photographs, and what a detector was shown stays the file that it was.  File names are made of safe characters
and of the content's sha256.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from safebench.errors import ImageError
from safebench.files import atomic_write
from safebench.inputs.images import encode_png, read_photo
from safebench.inputs.names import IMAGE_SUFFIXES
from safebench.keys import slug

FOLDER = "gallery"
_SHOWN = (".png", ".jpg", ".webp")
"""What a detector can be shown that browsers show too."""
_OURS = re.compile(r"[A-Za-z0-9._-]+\.[0-9a-f]{10}\.(png|jpg|webp)")
_FILL = (255, 255, 255)
_OUTLINE = (255, 255, 255)
_EDGE = (0, 0, 0)
_DARKEST = 72
"""Where in the colour scale a map's 0 lies: below it the colours are too dark to be told from a picture."""


class MapPicture(NamedTuple):
    """A map in colours; `low` and `high` are its smallest and largest value."""

    url: str
    low: float
    high: float


class Pictures:
    """Writes pictures below `out`; everything returns an address relative to it, "" where a file cannot be shown."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._written: set[str] = set()

    def copy(self, run: Path, relative: str, name: str) -> str:
        """A picture of the run's folder, as it is; one that browsers do not show (TIFF, BMP), as PNG."""
        source = _inside(run, relative, sorted(IMAGE_SUFFIXES))
        if source is None:
            return ""
        suffix = {".jpeg": ".jpg"}.get(source.suffix, source.suffix)
        try:
            data = source.read_bytes()
            if suffix in _SHOWN:
                return self._write(data, name, suffix)
            return self._write(encode_png(read_photo(source, data)), name)
        except (OSError, ImageError):
            return ""

    def hole(self, run: Path, relative: str, name: str) -> str:
        """A sheet to lay over a picture: the hole filled."""
        hole = _hole(_inside(run, relative))
        return "" if hole is None else self._write(_sheet(hole, [(0, 0, 0), _FILL]), f"{name}.hole")

    def outline(self, run: Path, relative: str, name: str) -> str:
        """A sheet to lay over a picture: the hole's outline alone."""
        hole = _hole(_inside(run, relative))
        if hole is None:
            return ""
        inner = hole - cv2.erode(hole, np.ones((3, 3), np.uint8))
        outer = cv2.dilate(hole, np.ones((3, 3), np.uint8)) - hole
        return self._write(_sheet(inner + 2 * outer, [(0, 0, 0), _OUTLINE, _EDGE]), f"{name}.outline")

    def map(self, run: Path, relative: str, name: str) -> MapPicture:
        """A 16-bit gray map in colours, 0 to 1 over the whole scale, so that maps can be compared."""
        levels = _gray(_inside(run, relative))
        if levels is None:
            return MapPicture("", 0.0, 0.0)
        full = 255 if levels.dtype == np.uint8 else 65535
        shown = np.rint(levels.astype(np.float64) / full * 255).astype(np.uint8)
        url = self._write(_palette(shown), name)
        return MapPicture(url, float(levels.min()) / full, float(levels.max()) / full)

    @cached_property
    def scale(self) -> str:
        """The colours from 0 to 1, left to right."""
        return self._write(_palette(np.arange(256, dtype=np.uint8)[None, :]), "scale")

    def remove_old(self) -> None:
        """Remove the pictures of an earlier report at this place that this one does not show."""
        for path in (self._out / FOLDER).glob("*"):
            if path.name not in self._written and _OURS.fullmatch(path.name):
                path.unlink()

    def _write(self, data: bytes, name: str, suffix: str = ".png") -> str:
        file = f"{slug(name, 100)}.{hashlib.sha256(data).hexdigest()[:10]}{suffix}"
        path = self._out / FOLDER / file
        if not path.exists():  # its name tells its content
            atomic_write(path, data)
        self._written.add(file)
        return f"{FOLDER}/{file}"


def moved_mask(row: Mapping[str, Any]) -> str:
    """Where the mask lies that moved along with a post-processed picture; "" where none was kept.

    row: of the detection table.
    """
    return str(Path(row["picture"]).with_suffix(".mask.png")) if row["picture"] else ""


def _inside(run: Path, relative: str, suffixes: Sequence[str] = (".png",)) -> Path | None:
    """The picture that a table names; None where the name leads out of the run's folder or nowhere."""
    if not relative:
        return None
    path = (run / relative).resolve()
    return path if path.is_relative_to(run.resolve()) and path.suffix in suffixes and path.is_file() else None


def _hole(path: Path | None) -> NDArray[np.uint8] | None:
    """1 where a mask is hole."""
    mask = _gray(path)
    return None if mask is None else (mask > 127).astype(np.uint8)


def _gray(path: Path | None) -> NDArray[np.integer] | None:
    if path is None:
        return None
    try:
        with Image.open(path) as image:
            levels: NDArray[np.integer] = np.asarray(image)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    return levels if levels.ndim == 2 and levels.size else None


def _palette(levels: NDArray[np.uint8]) -> bytes:
    """A map to lay over a picture: from clear and violet at 0 to dense and bright at 255."""
    steps = np.linspace(_DARKEST, 255, 256).astype(np.uint8)
    colours = cv2.applyColorMap(steps[:, None], cv2.COLORMAP_INFERNO)[:, 0, ::-1]
    image = Image.fromarray(levels, "L")
    image.putpalette(colours.tobytes())
    return _png(image, transparency=np.rint(255 * np.sqrt(np.arange(256) / 255)).astype(np.uint8).tobytes())


def _sheet(classes: NDArray[np.uint8], colours: list[tuple[int, int, int]]) -> bytes:
    """A picture of few colours; class 0 is transparent."""
    image = Image.fromarray(classes, "L")
    image.putpalette([level for colour in colours for level in colour])
    return _png(image, transparency=0)


def _png(image: Image.Image, transparency: int | bytes) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=transparency)
    return buffer.getvalue()
