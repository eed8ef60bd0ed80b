"""Photos told apart by what they show: the same one saved anew, as another kind of file or at another size, is one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ImageError
from safebench.inputs.images.looks import first_alike, look_of
from safebench.inputs.images.square import check_sides
from safebench.inputs.photos.sets import Photo


class _Content(NamedTuple):
    """Of a photo: the sha256 of its pixels and shape, how many pixels there are, and what it looks like."""

    sha256: str
    pixels: int
    look: NDArray[np.bool_]


def different(photos: Sequence[Photo], advance: Callable[[int], None], note: Callable[[str], None]) -> dict[str, str]:
    """The names of the photos that differ, by the sha256 of their pixels; of each of the others `note` is told why not.

    advance: is called with 1 for each photo that was read.

    Of photos of the same pixels the first takes part, of copies the largest: which pixels take part so depends on the
    photos and not on their names.
    """
    by_content: dict[str, tuple[Photo, _Content]] = {}
    with ThreadPoolExecutor() as pool:
        for photo, content in zip(photos, pool.map(_content, photos), strict=True):
            advance(1)
            if content is None:
                note(f"{photo.name}: cannot be used as a photo, and is left out")
                continue
            first, _ = by_content.setdefault(content.sha256, (photo, content))
            if first.name != photo.name:
                note(f"{photo.name}: has the same pixels as {first.name}, and is left out")
    ordered = sorted(by_content.values(), key=lambda pair: (-pair[1].pixels, pair[1].sha256))
    if not ordered:
        return {}
    kept: dict[str, str] = {}
    places = first_alike(np.stack([content.look for _, content in ordered]))
    for place, ((photo, content), first_place) in enumerate(zip(ordered, places, strict=True)):
        if place == first_place:
            kept[content.sha256] = photo.name
        else:
            other = ordered[first_place][0].name
            note(f"{photo.name}: shows the same photo as {other} (saved anew: compressed or resized), and is left out")
    return kept


def _content(photo: Photo) -> _Content | None:
    """None where it cannot be used."""
    try:
        pixels = check_sides(photo.load(), photo.name)
    except (ImageError, OSError, MemoryError):
        return None
    sha256 = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
    return _Content(sha256, pixels.shape[0] * pixels.shape[1], look_of(pixels))
