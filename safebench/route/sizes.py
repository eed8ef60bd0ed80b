"""Pictures that keep their own size, in groups of which every batch can be one array."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from PIL import Image

from safebench.inputs.images.quiet import no_warnings
from safebench.route.job import batches
from safebench.route.picture import Picture

MOST_PIXELS = 2**22
"""Of a batch: sixteen pictures of 512 x 512, one of 2048 x 2048 or more."""
_ORIENTATION = 0x0112


def of_equal_size(
    groups: Iterable[Sequence[Picture]], file: Callable[[Picture], Path], at_once: int = 1
) -> list[Sequence[Picture]]:
    """Each group in parts: pictures of the same width and height, in their order, so many as a batch may hold.

    file: the image that says a picture's size; its head is read, not its pixels.  at_once: as for `Link`.
    """
    found: list[Sequence[Picture]] = []
    for group in groups:
        by_size: dict[tuple[int, int, bool], list[Picture]] = {}
        for picture in group:
            by_size.setdefault(head_size(file(picture)), []).append(picture)
        for (width, height, _), pictures in by_size.items():
            found += batches(pictures, max(1, MOST_PIXELS // max(1, width * height)) * at_once)
    return found


def head_size(path: Path) -> tuple[int, int, bool]:
    """Width, height, and whether it is to be turned, as the head of an image's file says; zeros where it does not: told
    when it is read."""
    try:
        with no_warnings(), Image.open(path) as image:
            width, height = image.size
            return width, height, int(image.getexif().get(_ORIENTATION, 1)) >= 5
    except Exception:  # on a damaged file a decoder may raise anything
        return 0, 0, False
