"""Photos as a camera with a colour filter array would have taken them: the traces that the network learns from.

A photo is first made smaller by two, so that no trace of its own camera is left.  Then a sensor sees one colour at each
pixel, with noise, and a demosaicing fills in the other two.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image as PillowImage

Picture = NDArray[np.float32]
"""H x W x 3, RGB in [0, 1]."""
Mosaic = NDArray[np.float32]
"""H x W in [0, 1]: of each pixel the one colour that it sees."""
Position = tuple[int, int]
"""Row and column, modulo 2, of the pixels that see red; blue is diagonal to it, green at the other two."""

SMALLER = 2
"""How many times a photo's sides are made smaller before."""
MILDEST = 95
"""Least JPEG quality of the pictures that are compressed."""
GAMMA = 2.2

_LEVELS = 65535
_BAYER_BY_RED = {(0, 0): "BG", (0, 1): "GB", (1, 0): "GR", (1, 1): "RG"}
"""OpenCV's names of the patterns, which begin at the second pixel of the second row."""


def colour_masks(shape: tuple[int, ...], red: Position) -> NDArray[np.bool_]:
    """Which pixels see red, green and blue: bool H x W x 3."""
    rows, columns = np.indices(shape[:2]) % 2
    sees_red = (rows == red[0]) & (columns == red[1])
    sees_blue = (rows != red[0]) & (columns != red[1])
    return np.stack((sees_red, ~(sees_red | sees_blue), sees_blue), axis=2)


def bilinear(mosaic: Mosaic, red: Position) -> Picture:
    """The mean of the nearest pixels of each colour."""
    masks = colour_masks(mosaic.shape, red)
    square, cross = ([[1, 2, 1], [2, 4, 2], [1, 2, 1]], [[0, 1, 0], [1, 4, 1], [0, 1, 0]])
    kernels = (square, cross, square)
    return np.stack([_filtered(mosaic * masks[..., k], np.divide(kernels[k], 4)) for k in range(3)], axis=2)


def malvar(mosaic: Mosaic, red: Position) -> Picture:
    """The linear filters of Malvar, He and Cutler (2004, figure 2): bilinear, corrected by the curvature of the colour
    that a pixel sees, with gains 1/2 (green), 5/8 (red and blue at green) and 3/4 (red and blue at each other)."""
    masks = colour_masks(mosaic.shape, red)
    result = bilinear(mosaic, red)
    curvature = _filtered(mosaic, np.divide(_cross_of_five(4, -1, -1), 4))
    across = np.divide(_cross_of_five(5, -1, 0.5, diagonal=-1), 5)  # where the missing colour lies left and right
    along_row, along_column = _filtered(mosaic, across), _filtered(mosaic, across.T)
    in_red_rows = np.indices(mosaic.shape)[0] % 2 == red[0]
    result[..., 0] += 0.75 * curvature * masks[..., 2]
    result[..., 0] += 0.625 * np.where(in_red_rows, along_row, along_column) * masks[..., 1]
    result[..., 1] += 0.5 * curvature * ~masks[..., 1]
    result[..., 2] += 0.75 * curvature * masks[..., 0]
    result[..., 2] += 0.625 * np.where(in_red_rows, along_column, along_row) * masks[..., 1]
    return result


def hamilton_adams(mosaic: Mosaic, red: Position) -> Picture:
    """Green along the direction in which the picture changes less (Hamilton and Adams 1997); then the differences of
    red and blue to green, bilinearly."""
    masks = colour_masks(mosaic.shape, red)
    means, curvatures, changes = [], [], []
    for turned in (False, True):
        mean, step, curve = ([[0.5, 0, 0.5]], [[-1, 0, 1]], [[-1, 0, 2, 0, -1]])
        filters = [np.array(kernel).T if turned else np.array(kernel) for kernel in (mean, step, curve)]
        between, difference, curvature = (_filtered(mosaic, kernel) for kernel in filters)
        means.append(between)
        curvatures.append(curvature)
        changes.append(np.abs(difference) + np.abs(curvature))
    along = [between + curvature / 4 for between, curvature in zip(means, curvatures, strict=True)]
    either = np.where(changes[0] == changes[1], (along[0] + along[1]) / 2, np.where(changes[0] < changes[1], *along))
    green = np.where(masks[..., 1], mosaic, either).astype(np.float32)
    difference = bilinear(mosaic - green, red)
    return np.stack((green + difference[..., 0], green, green + difference[..., 2]), axis=2)


def edge_aware(mosaic: Mosaic, red: Position) -> Picture:
    """OpenCV's edge-aware demosaicing, with 16 bits."""
    return _by_opencv(mosaic, red, "_EA", _LEVELS)


def variable_gradients(mosaic: Mosaic, red: Position) -> Picture:
    """OpenCV's variable number of gradients, with the 8 bits that it takes; no training sees it."""
    return _by_opencv(mosaic, red, "_VNG", 255)


Demosaicing = Callable[[Mosaic, Position], Picture]
LEARNED: tuple[Demosaicing, ...] = (bilinear, malvar, hamilton_adams, edge_aware)
"""The algorithms that the network learns from."""


def without_trace(photo: NDArray[np.uint8]) -> Picture:
    """A photo, uint8 H x W x 3, made smaller by two."""
    size = (photo.shape[1] // SMALLER, photo.shape[0] // SMALLER)
    return np.divide(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), 255, dtype=np.float32)


def demosaiced(scene: Picture, red: Position, demosaicing: Demosaicing) -> Picture:
    """What becomes of a scene whose pixels are each seen in one colour."""
    seen = (scene * colour_masks(scene.shape, red)).sum(axis=2)
    return np.clip(demosaicing(seen, red), 0, 1)


def photographed(photo: NDArray[np.uint8], red: Position, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A photo as a camera of `red` would have taken it at half its size: uint8 H x W x 3 to H/2 x W/2 x 3.

    Drawn are: a lens's blur, the sensor's noise, the colours' gains, one of `LEARNED`, whether the sensor sees linear
    light, sharpening, and a compression of quality 95 or more.
    """
    scene = cv2.GaussianBlur(without_trace(photo), (0, 0), float(rng.uniform(0.3, 1.0)))
    linear = rng.random() < 0.7
    gains = np.array([rng.uniform(1, 2), 1, rng.uniform(1, 2)] if linear else [1, 1, 1], np.float32)
    light = (scene**GAMMA if linear else scene) / gains
    deviation = np.sqrt(rng.uniform(0, 2e-4) * light + rng.uniform(0, 3e-3) ** 2)
    noisy = np.clip(light + deviation * rng.standard_normal(light.shape), 0, 1).astype(np.float32)
    taken = np.clip(demosaiced(noisy, red, LEARNED[int(rng.integers(len(LEARNED)))]) * gains, 0, 1)
    picture = taken ** np.float32(1 / GAMMA) if linear else taken
    if rng.random() < 0.3:
        picture = picture + rng.uniform(0.2, 1) * (picture - cv2.GaussianBlur(picture, (0, 0), 1.0))
    levels = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return _compressed(levels, rng) if rng.random() < 0.3 else levels


def _compressed(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    quality, subsampling = int(rng.integers(MILDEST, 101)), int(rng.choice([0, 2]))  # 4:4:4 or 4:2:0
    PillowImage.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return np.asarray(PillowImage.open(buffer))


def _by_opencv(mosaic: Mosaic, red: Position, algorithm: str, levels: int) -> Picture:
    code = getattr(cv2, f"COLOR_Bayer{_BAYER_BY_RED[red]}2RGB{algorithm}")
    counted: NDArray[Any] = np.rint(np.clip(mosaic, 0, 1) * levels).astype(np.uint16 if levels > 255 else np.uint8)
    return np.divide(cv2.cvtColor(counted, code), levels, dtype=np.float32)


def _cross_of_five(centre: float, beside: float, above: float, diagonal: float = 0) -> NDArray[np.float64]:
    """A 5x5 filter: its centre, what is two pixels beside it, two above and below, and diagonal to it."""
    kernel = np.zeros((5, 5))
    kernel[2, 2], kernel[2, [0, 4]], kernel[[0, 4], 2] = centre, beside, above
    kernel[1:4:2, 1:4:2] = diagonal
    return kernel


def _filtered(values: NDArray[np.float32], kernel: ArrayLike) -> NDArray[np.float32]:
    """Correlation; beyond the border the picture is mirrored about its last pixels, which keeps the pattern."""
    return np.asarray(cv2.filter2D(values, cv2.CV_32F, np.asarray(kernel), borderType=cv2.BORDER_REFLECT_101))
