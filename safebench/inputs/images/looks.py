"""What a photo looks like, in 255 bits: the same photo saved anew has nearly the same, another photo has not.

The perceptual hash of Zauner (Implementation and Benchmarking of Perceptual Image Hash Functions, 2010), finer than
usual: whether each of the 16 x 16 lowest frequencies (a cosine transform; without the constant) of the grey picture at
64 x 64 pixels lies above their median.  Mirrored, turned or cropped copies look otherwise to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import dctn

BITS = 255
ALIKE = 48
"""So many bits at most differ in copies of one photo.

Of 1,383 photos no two differ in fewer than 86 bits; saved anew as JPEG (quality 50 and more) or at a quarter to one and
a half of their sides, none differs in more than 18 from itself (benchmarks/photo_looks.py).
"""
_SIDE, _KEPT = 64, 16


def look_of(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The 255 bits of a photo, uint8 H x W x 3."""
    grey = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    frequencies = dctn(np.asarray(grey, dtype=np.float64), norm="ortho")[:_KEPT, :_KEPT].ravel()[1:]
    bits: NDArray[np.bool_] = frequencies > np.median(frequencies)
    return bits


def first_alike(looks: NDArray[np.bool_]) -> NDArray[np.intp]:
    """For each look (bool N x 255) the place of the earlier one that it is a copy of, or its own.

    Those that are nobody's copies are compared with, and no others, so that no two of them are alike.
    """
    signs = np.where(looks, np.float32(1), np.float32(-1))
    first = np.arange(len(looks))
    kept = np.empty_like(signs)
    places: list[int] = []
    for place, one in enumerate(signs):
        differing = (BITS - kept[: len(places)] @ one) / 2
        if places and differing.min() <= ALIKE:
            first[place] = places[int(differing.argmin())]
        else:
            kept[len(places)] = one
            places.append(place)
    return first
