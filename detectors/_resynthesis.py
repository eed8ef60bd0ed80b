"""Photos of other histories, and holes whose content is drawn anew by simple means.

Ours, not a paper's.  A generator's filling lacks the sensor's noise and the photo's compression, and carries the
traces of its up-sampling; so does a photo made small, or smooth, and large again.  Since the content stays the photo's
own, only those traces tell the hole from the rest.  That stands in for inpainters that are not at hand in training.

Whole photos look like that too, when they were enlarged, denoised or compressed: `varied` makes such ones, so that a
lack of grain counts only beside what surrounds it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
UPWARDS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
"""The interpolations that bring a picture back to its size."""


def resynthesise(photo: Image, hole: NDArray[np.bool_], rng: np.random.Generator) -> Image:
    """Draw the hole's content anew.

    photo: uint8 H x W x 3; hole: bool H x W, True = hole.  Returns uint8 H x W x 3, the known pixels bit-identical.
    In every other picture the content is the mirrored photo's, since fillings differ from what was there.
    """
    source = photo if rng.random() < 0.5 else photo[:, ::-1]
    drawn = _MEANS[rng.integers(len(_MEANS))](np.ascontiguousarray(source), rng)
    return np.where(hole[..., None], drawn, photo)


def varied(photo: Image, rng: np.random.Generator) -> Image:
    """The whole photo, uint8 H x W x 3, enlarged, smoothed or made grainy, and every other time compressed."""
    if rng.random() < 0.75:
        photo = (_resized, _smoothed)[rng.integers(2)](photo, rng)
    else:
        photo = _image(photo + rng.normal(0, rng.uniform(1, 6), photo.shape))
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 98))]
        _, file = cv2.imencode(".jpg", photo[..., ::-1], quality)
        photo = _image(np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR))[..., ::-1])
    return np.ascontiguousarray(photo)


def _resized(photo: Image, rng: np.random.Generator) -> Image:
    """Made smaller and larger again, with one of several interpolations."""
    height, width = photo.shape[:2]
    share = rng.uniform(0.35, 0.9)
    small = cv2.resize(photo, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)
    return _image(cv2.resize(small, (width, height), interpolation=UPWARDS[rng.integers(len(UPWARDS))]))


def _smoothed(photo: Image, rng: np.random.Generator) -> Image:
    """Without its finest grain."""
    means: Sequence[Callable[[], NDArray[np.generic]]] = (
        lambda: cv2.GaussianBlur(photo, (0, 0), rng.uniform(0.5, 1.6)),
        lambda: cv2.medianBlur(photo, 3),
        lambda: cv2.bilateralFilter(photo, 5, rng.uniform(15, 50), 2.0),
    )
    return _image(means[int(rng.integers(len(means)))]())


def _transposed(photo: Image, rng: np.random.Generator) -> Image:
    """Halved, and doubled by a transposed convolution whose kernel is nearly bilinear: its checkerboard shows."""
    height, width = photo.shape[:2]
    small = cv2.resize(photo, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    spread = np.zeros((2 * small.shape[0], 2 * small.shape[1], 3), np.float32)
    spread[::2, ::2] = small
    kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) * rng.uniform(0.85, 1.15, (4, 4))
    return _image(cv2.filter2D(spread, -1, kernel * (4 / kernel.sum()))[:height, :width])


def _image(values: NDArray[np.generic]) -> Image:
    return np.clip(np.rint(values.astype(np.float32)), 0, 255).astype(np.uint8)


_MEANS = (_resized, _smoothed, _transposed)
