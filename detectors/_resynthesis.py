"""Photos of other histories, and holes whose content is drawn anew by simple means.

Ours, not a paper's.  A generator's filling lacks the sensor's noise and the photo's compression, and carries the
traces of its up-sampling; so does a photo made small, or smooth, and large again.  A generator that hides puts noise
where grain was.  Since the content stays the photo's own, only those traces tell the hole from the rest.  That stands
in for inpainters that are not at hand in training.

Whole photos look like that too, when they were enlarged, denoised or compressed: `varied` makes such ones, so that a
lack of grain counts only beside what surrounds it.  `recompressed` is what happens to a picture after it was filled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from ._histories import Image, compressed

UPWARDS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)
"""The interpolations that bring a picture back to its size."""
WAYS = ("transposed", "uneven", "repeated", "interpolated", "shuffled")
"""How a decoder doubles: transposed convolutions of side 4 and 3, repeating or interpolating before a convolution, and
one convolution for each of the four new pixels (sub-pixel convolution)."""


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
    return compressed(photo, int(rng.integers(60, 98))) if rng.random() < 0.5 else np.ascontiguousarray(photo)


def recompressed(picture: Image, rng: np.random.Generator) -> Image:
    """The whole picture, uint8 H x W x 3, as a JPEG of quality 60 to 98 gives it back; every other time its 8 x 8 grid
    begins outside the picture, as after a crop."""
    up, left = rng.integers(8, size=2) if rng.random() < 0.5 else (0, 0)
    framed = np.pad(picture, ((up, 0), (left, 0), (0, 0)), mode="symmetric")
    return compressed(framed, int(rng.integers(60, 99)))[up:, left:]


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


def _grained(photo: Image, rng: np.random.Generator) -> Image:
    """Without its detail, but with as much noise as that had around each pixel: what a generator does that hides."""
    values = photo.astype(np.float32)
    smooth = cv2.GaussianBlur(values, (0, 0), rng.uniform(1, 6))
    energy = np.maximum(cv2.blur(((values - smooth) ** 2).mean(axis=2), (15, 15)), 0)  # a running sum may fall below 0
    white = np.broadcast_to(rng.normal(size=(*photo.shape[:2], 1 if rng.random() < 0.5 else 3)), photo.shape)
    side = int(rng.choice([1, 3, 5]))
    grain = np.asarray(cv2.filter2D(white.astype(np.float32), -1, rng.normal(size=(side, side))))
    strength = rng.uniform(0.1, 1) * np.sqrt(energy)[..., None]
    return _image(smooth + strength * grain / max(float(grain.std()), 1e-6))


def _decoded(photo: Image, rng: np.random.Generator) -> Image:
    """Built up from a small picture by doubling it once to three times, as a generator's decoder does.

    At each size the detail that doubling lacks is added, less what is faint: edges stay, grain goes, and what the
    decoder's kernels are off by remains as a pattern.
    """
    sizes = [photo.astype(np.float32)]
    for _ in range(int(rng.integers(1, 4))):
        sizes.append(_halved(sizes[-1]))
    drawn = sizes.pop()
    faint, strength, off = rng.uniform(0, 12), rng.uniform(0.6, 1), rng.uniform(0, 0.08)
    for wanted in reversed(sizes):
        height, width = wanted.shape[:2]
        way, errors = WAYS[rng.integers(len(WAYS))], rng.uniform(1 - off, 1 + off, (4, 4, 4))
        detail = wanted - _doubled(_halved(wanted), way, np.ones_like(errors))[:height, :width]
        detail = np.sign(detail) * np.maximum(np.abs(detail) - faint, 0)
        drawn = _doubled(drawn, way, errors)[:height, :width] + strength * detail
    return _image(drawn)


def _halved(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = picture.shape[:2]
    half = cv2.resize(picture, ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.float32)


def _doubled(small: NDArray[np.float32], way: str, errors: NDArray[np.float64]) -> NDArray[np.float32]:
    """H x W x 3 to 2H x 2W x 3 in one of `WAYS`; errors, 4 x 4 x 4, multiply the numbers of four kernels."""
    height, width = small.shape[:2]
    if way in ("repeated", "interpolated"):
        upwards = cv2.INTER_NEAREST if way == "repeated" else cv2.INTER_LINEAR
        doubled = np.asarray(cv2.resize(small, (2 * width, 2 * height), interpolation=upwards), dtype=np.float32)
        return _convolved(doubled, (1, 6, 1), errors[0])
    large = np.zeros((2 * height, 2 * width, 3), np.float32)
    if way == "shuffled":
        for (row, column), kernel_errors in zip(np.ndindex(2, 2), errors, strict=True):
            large[row::2, column::2] = _convolved(small, (1, 6, 1), kernel_errors)
        return large
    large[::2, ::2] = small
    return 4 * _convolved(large, (1, 3, 3, 1) if way == "transposed" else (1, 2, 1), errors[0])


def _convolved(
    picture: NDArray[np.float32], profile: Sequence[float], errors: NDArray[np.float64]
) -> NDArray[np.float32]:
    """With the square kernel of a profile, of sum 1 before the errors multiply its numbers."""
    side = len(profile)
    kernel = np.outer(profile, profile) / sum(profile) ** 2 * errors[:side, :side]
    return np.asarray(cv2.filter2D(picture, -1, kernel), dtype=np.float32)


def _image(values: NDArray[np.generic]) -> Image:
    return np.clip(np.rint(values.astype(np.float32)), 0, 255).astype(np.uint8)


_MEANS = (_resized, _smoothed, _decoded, _decoded, _grained)
"""Decoders twice: they come nearest to what generators leave."""
