"""Shift-map inpainting, OpenCV contrib's."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from safebench.errors import ModelError
from safebench.models.contracts import Inpainter
from safebench.models.toolbox.classical import Image, fill_each

LARGEST = 320
"""Longest side in pixels at which offsets are sought; the time grows faster than the hole."""
STRIP = 32
"""Width in pixels of the strip of noise that is set beside the image."""
UNIT = 2.0**-40
"""Scale of the channel that numbers the pixels: far below any difference of colour, exact in float32."""

Mask = NDArray[np.bool_]


class Adapter(Inpainter):
    """`cv2.xphoto.inpaint` with INPAINT_SHIFTMAP; OpenCV's 60 offsets between patches of 8x8 pixels."""

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        return fill_each(images, masks, self._fill)

    def _fill(self, image: Image, hole: Mask) -> Image:
        scale = -(-max(hole.shape) // LARGEST)
        small, small_hole = reduced(image, hole, scale)
        source_y, source_x, found = enlarged(sources(small, small_hole, self.seed), hole.shape, scale)
        copied, unfilled = hole & found, hole & ~found
        filled = image.copy()
        filled[copied] = image[source_y[copied], source_x[copied]]
        if unfilled.any():
            filled = cv2.inpaint(filled, unfilled.astype(np.uint8), 3, cv2.INPAINT_NS).astype(np.uint8)
        return filled


def sources(image: Image, hole: Mask, seed: int) -> NDArray[np.intp]:
    """Which pixel each pixel is to be copied from: flat indices, H x W, -1 where no offset leads to a known one.

    A fourth channel numbers the pixels, so that the answer tells where each came from.  OpenCV takes for granted
    that it finds 60 offsets, and reads beyond their end where there are fewer, as in small or dull images: a strip
    of noise beside the image gives it enough.  The strip is far too bright to be joined to anything seamlessly; a
    pixel copied from it all the same counts as not found.
    """
    height, width = hole.shape
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    lab[..., 0] += 1  # OpenCV sets the hole to 0: nothing known may be
    seen = np.zeros((height, width + STRIP, 4), np.float32)
    seen[:, :width, :3] = lab
    seen[:, width:, 0] = np.random.default_rng(seed).uniform(300, 500, (height, STRIP))
    seen[..., 3] = np.arange(1, seen[..., 3].size + 1).reshape(seen.shape[:2]) * UNIT
    known = np.pad(~hole, ((0, 0), (0, STRIP)), constant_values=True).astype(np.uint8) * 255
    answer = _answer(seen, known)
    y, x = np.divmod(np.rint(answer[:, :width, 3] / UNIT).astype(np.intp) - 1, width + STRIP)
    return np.where((y >= 0) & (x < width), y * width + x, -1)


def _answer(picture: NDArray[np.float32], known: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What OpenCV's shift-map makes of a picture, H x W x 4, where `known` is 0.

    In a fresh process, whose memory the C library fills with zeros (glibc's MALLOC_PERTURB_): OpenCV reads beyond what
    it wrote, so that in this process the answer would depend on what ran before.
    """
    with io.BytesIO() as given:
        np.save(given, picture)
        np.save(given, known)
        said = given.getvalue()
    done = subprocess.run(
        [sys.executable, "-I", Path(__file__).with_name("fresh.py")],
        input=said,
        capture_output=True,
        check=False,
        env={**os.environ, "MALLOC_PERTURB_": "255"},
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise ModelError(f"shiftmap: OpenCV gave up on this picture (exit {done.returncode}) {' '.join(last)}".strip())
    answer: NDArray[np.float32] = np.load(io.BytesIO(done.stdout), allow_pickle=False)
    return answer


def reduced(image: Image, hole: Mask, scale: int) -> tuple[Image, Mask]:
    """The image at a whole fraction of its size, by means of blocks; a block is hole where any of it is."""
    margin = [(0, -side % scale) for side in hole.shape]
    padded = np.pad(image, [*margin, (0, 0)], mode="edge")
    padded_hole = np.pad(hole, margin, constant_values=True)
    rows, columns = padded_hole.shape[0] // scale, padded_hole.shape[1] // scale
    means = padded.reshape(rows, scale, columns, scale, 3).mean(axis=(1, 3))
    touched = np.asarray(padded_hole.reshape(rows, scale, columns, scale).any(axis=(1, 3)))
    return np.rint(means).astype(np.uint8), touched


def enlarged(
    source: NDArray[np.intp], shape: tuple[int, ...], scale: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Mask]:
    """Rows and columns of the pixels to copy at full size, and whether there are any; each of the given shape."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    blocks = source[y // scale, x // scale]
    return blocks // source.shape[1] * scale + y % scale, blocks % source.shape[1] * scale + x % scale, blocks >= 0
