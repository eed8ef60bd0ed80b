"""What comes back: filled pictures, or maps and scores, found by name and checked (docs/exchange.md).

Nothing is guessed: a file of another size, of numbers outside the range that was told, or of two answers to one name
is refused with a sentence that names it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from safebench.errors import ExchangeError
from safebench.exchange.finding import checked_score, name_of
from safebench.inputs.images import read_photo
from safebench.inputs.images.levels import upright

_MAPS = frozenset({".png", ".tif", ".tiff"})
_ROUNDING = 1e-5
"""So far a map may leave its range, and is cut there: a softmax of 32 bits gives 1.0000001 too."""
_INVERTED = 0.5
"""From this share of changed known pixels on, with the hole as it went out, the mask was taken the other way round."""


@dataclass(frozen=True)
class MapAnswer:
    """A map, float32 H x W in [0, 1], bright where something was inpainted; score, confidence where there are any."""

    map: NDArray[np.float32]
    score: float | None = None
    confidence: NDArray[np.float32] | None = None

    def turned(self, orientation: int) -> MapAnswer:
        """The same of a picture that is to be turned as EXIF's `orientation` (1 to 8) says."""
        confidence = None if self.confidence is None else upright(self.confidence, orientation)
        return MapAnswer(upright(self.map, orientation), self.score, confidence)


def read_picture(file: Path, image: NDArray[np.uint8], hole: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], float]:
    """A filled picture, uint8 H x W x 3, and the share of known pixels in which it is not what went out.

    image: what went out, uint8 H x W x 3; its hole (True in `hole`) was black.  Raises ExchangeError for another size,
    for the picture that went out, and for one of which all but the hole was filled; ImageError where it is no picture.
    """
    pixels = read_photo(file)
    _check_size(file, pixels.shape[:2], image.shape[:2])
    known = ~hole
    changed = float((pixels[known] != image[known]).any(axis=-1).mean()) if known.any() else 0.0
    untouched = bool(hole.any() and not pixels[hole].any())
    if untouched and changed >= _INVERTED:
        raise ExchangeError(
            f"{file}: the hole is as it went out and {changed:.0%} of the known area changed: the mask was taken the "
            "other way round"
        )
    if untouched and changed == 0:
        raise ExchangeError(f"{file}: is the picture that went out; its hole was not filled")
    return pixels, changed


def read_map(
    file: Path, size: tuple[int, ...], span: tuple[float, float] | None = None, *, inverted: bool = False
) -> MapAnswer:
    """A map of `size` (height and width), as PNG (8 or 16 bit gray), .tif, .npy or .npz.

    An .npz holds `map`, and may hold `score` and `conf`.  span: what surely known and surely inpainted are in the
    file; left out: 0 and 1 of floating-point numbers, 0 and the highest of whole ones.  inverted: bright is known.
    Raises ExchangeError for anything else.
    """
    held = _arrays(file)
    values = _scaled(file, held["map"], span)
    _check_size(file, values.shape, size)
    score, confidence = held.get("score"), held.get("conf")
    if confidence is not None:
        confidence = _scaled(file, confidence, None)
        _check_size(file, confidence.shape, size)
    return MapAnswer(
        map=1 - values if inverted else values,
        score=None if score is None else checked_score(file, name_of(file), score),
        confidence=confidence,
    )


def check_all_scored(files: Mapping[str, Path]) -> None:
    """Raise ExchangeError where some of the maps hold a score, and others none: one model has one kind of score."""
    scored = [name for name, file in files.items() if file.suffix.lower() == ".npz" and _holds_score(file)]
    if scored and len(scored) < len(files):
        raise ExchangeError(
            f"{files[scored[0]].parent}: {len(scored)} of {len(files)} maps come with a score; give all of them one, "
            "in the files or in scores.csv, or none"
        )


def _holds_score(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return "score.npy" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False  # told when it is read


def _arrays(file: Path) -> dict[str, NDArray[Any]]:
    """What a file holds, under `map`, `score`, `conf`; no code in it is ever run."""
    try:
        if file.suffix.lower() == ".npz":
            with np.load(file, allow_pickle=False) as archive:
                held = {name: archive[name] for name in ("map", "score", "conf") if name in archive}
            if "map" not in held:
                raise ExchangeError(f"{file}: holds no array called 'map'")
            return held
        if file.suffix.lower() == ".npy":
            return {"map": np.load(file, allow_pickle=False)}
        if file.suffix.lower() not in _MAPS:
            raise ExchangeError(f"{file}: a map is a PNG, .tif, .npy or .npz; lossy kinds change it")
        if file.suffix.lower() == ".png":
            return {"map": _decoded(file)}
        return {"map": tifffile.imread(file)}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, tifffile.TiffFileError, SyntaxError) as error:
        raise ExchangeError(f"{file}: cannot be read as a map ({str(error).splitlines()[0]})") from None


def _decoded(file: Path) -> NDArray[Any]:
    with Image.open(file, formats=("PNG",)) as image:  # Pillow refuses half a file, which OpenCV fills with black
        return np.asarray(image.convert("RGB") if image.mode == "P" else image)


def _scaled(file: Path, values: NDArray[Any], span: tuple[float, float] | None) -> NDArray[np.float32]:
    """A map in [0, 1]; raises ExchangeError for colours, other numbers, and what leaves the range."""
    if values.ndim == 3 and values.shape[2] in (3, 4) and (values[..., :1] == values[..., 1:3]).all():
        values = values[..., 0]
    if values.ndim == 3 and 1 in (values.shape[0], values.shape[2]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise ExchangeError(f"{file}: holds {values.dtype} of {values.shape}; a map has one gray value a pixel")
    whole = values.dtype.kind in "ui"
    low, high = span or (0.0, float(np.iinfo(values.dtype).max) if whole else 1.0)
    scaled = (values.astype(np.float64) - low) / (high - low)
    if not np.isfinite(scaled).all():
        raise ExchangeError(f"{file}: holds NaN or infinite values")
    if scaled.size and (scaled.min() < -_ROUNDING or scaled.max() > 1 + _ROUNDING):
        raise ExchangeError(
            f"{file}: runs from {values.min():.6g} to {values.max():.6g}, and not within [{low:g}, {high:g}]; say what "
            "known and inpainted are: range = [LOW, HIGH]"
        )
    return scaled.clip(0, 1).astype(np.float32)


def _check_size(file: Path, size: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if tuple(size) != tuple(wanted):
        raise ExchangeError(f"{file}: has {size[1]}x{size[0]} pixels, and its picture {wanted[1]}x{wanted[0]}")
