"""Telea's fast marching inpainting, OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from safebench.models.contracts import Inpainter
from safebench.models.toolbox.classical import Image, fill_each


class Adapter(Inpainter):
    """`cv2.inpaint` with INPAINT_TELEA; a neighbourhood of 3 pixels, OpenCV's usual radius."""

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        return fill_each(images, masks, _fill)


def _fill(image: Image, hole: NDArray[np.bool_]) -> Image:
    filled: Image = cv2.inpaint(image, hole.astype(np.uint8), 3, cv2.INPAINT_TELEA).astype(np.uint8)
    return filled
