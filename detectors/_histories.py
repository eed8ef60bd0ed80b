"""What happens to photos before anybody sees them: cut out, denoised, resized, sharpened, compressed.

Detectors without a network are calibrated on such photos, so that a lack of grain, or the grain of a sharpening, is
not taken for a filling: by `laplacian/calibrate.py` and `_calibrate.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from safebench.inputs.images import to_square
from safebench.inputs.photos import open_photos
from safebench.protocol import SIZE

Image = NDArray[np.uint8]

FALSE_ALARMS = 0.05
"""Share of the views that may be flagged."""
HISTORIES = 2
"""Drawn for each photo: most photos that people have were not merely made smaller once."""
SMALLEST = SIZE // 2
"""Least side of a cut-out, which is then enlarged by two."""


def views(folders: Sequence[str], *, histories: bool = True) -> Iterator[Image]:
    """Each photo as the protocol resizes it, uint8 256 x 256 x 3; with `histories`, also with two drawn for it.

    The draws are the same each time.
    """
    rng = np.random.default_rng(0)
    for photo in (photo for folder in folders for photo in open_photos(folder).photos()):
        image = photo.load()
        yield to_square(image, SIZE, photo.name)
        for _ in range(HISTORIES if histories else 0):
            yield history(image, rng)


def history(photo: Image, rng: np.random.Generator) -> Image:
    """A photo, uint8 H x W x 3, with a past, at 256 x 256.

    A square of it is cut out, of 128 pixels up to its shorter side, and brought to size; in two of five it is first
    denoised, in two of five then sharpened (what phones do), and every other time compressed (quality 50 to 97).
    """
    shortest = min(photo.shape[:2])
    side = int(rng.integers(min(SMALLEST, shortest), shortest + 1))
    top, left = (int(rng.integers(length - side + 1)) for length in photo.shape[:2])
    image = np.ascontiguousarray(photo[top : top + side, left : left + side])
    if rng.random() < 0.4:
        image = _denoised(image, rng)
    image = to_square(image, SIZE)
    if rng.random() < 0.4:
        image = _sharpened(image, rng)
    return compressed(image, int(rng.integers(50, 98))) if rng.random() < 0.5 else image


def _denoised(image: Image, rng: np.random.Generator) -> Image:
    strength = float(rng.uniform(2, 6))
    means: Sequence[Callable[[], NDArray[np.generic]]] = (
        lambda: cv2.fastNlMeansDenoisingColored(image, None, strength, strength, 3, 9),
        lambda: cv2.bilateralFilter(image, 5, 7 * strength, 2.0),
        lambda: cv2.medianBlur(image, 3),
    )
    return np.asarray(means[int(rng.integers(len(means)))](), dtype=np.uint8)


def _sharpened(image: Image, rng: np.random.Generator) -> Image:
    """Unsharp masking."""
    smooth = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 2))).astype(np.float32)
    sharp = image + rng.uniform(0.3, 1.5) * (image - smooth)
    return np.clip(np.rint(sharp), 0, 255).astype(np.uint8)


def compressed(image: Image, quality: int) -> Image:
    """The picture, uint8 H x W x 3, as a JPEG of a quality (1 to 100, colours at half the sides) gives it back."""
    _, file = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1])
