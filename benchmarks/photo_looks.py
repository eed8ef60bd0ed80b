"""How far apart photos look, and how near copies of one: what the limit of `looks.ALIKE` rests on.

    python benchmarks/photo_looks.py FOLDER [...]

For all photos in the folders: the bits in which the nearest two differ, and the most in which a photo differs from
itself saved anew. Photos that are there twice make the first figure small: name each set once.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from safebench.inputs.images.looks import ALIKE, BITS, look_of
from safebench.inputs.photos import open_photos

CHANGES = {"JPEG 50": (50, 1.0), "JPEG 75": (75, 1.0), "half, JPEG 50": (50, 0.5), "a quarter": (95, 0.25),
           "0.9, JPEG 75": (75, 0.9), "1.5 times": (95, 1.5)}  # fmt: skip


def saved_anew(photo: NDArray[np.uint8], quality: int, scale: float) -> NDArray[np.uint8]:
    """The photo as a JPEG of that quality, its sides so many times as long."""
    image = Image.fromarray(photo)
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def main() -> None:
    """Print the figures."""
    looks: list[NDArray[np.bool_]] = []
    names: list[str] = []
    differing: dict[str, list[int]] = {change: [] for change in CHANGES}
    for folder in sys.argv[1:]:
        for photo in open_photos(str(Path(folder))).photos():
            pixels = photo.load()
            look = look_of(pixels)
            looks.append(look)
            names.append(photo.name)
            for change, how in CHANGES.items():
                differing[change].append(int(np.count_nonzero(look != look_of(saved_anew(pixels, *how)))))
    signs = np.where(looks, 1, -1).astype(np.float32)
    apart = (BITS - signs @ signs.T) / 2
    np.fill_diagonal(apart, BITS)
    one, other = np.unravel_index(int(apart.argmin()), apart.shape)
    print(f"{len(looks)} photos, limit {ALIKE} of {BITS} bits")
    print(f"nearest two: {apart.min():.0f} bits ({names[one]}, {names[other]})")
    for change, counts in differing.items():
        print(f"saved anew ({change}): at most {max(counts)} bits, median {np.median(counts):.0f}")


if __name__ == "__main__":
    main()
