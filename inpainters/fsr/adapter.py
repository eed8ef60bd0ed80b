"""Frequency selective reconstruction, OpenCV contrib's."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from safebench.models.contracts import Inpainter
from safebench.models.toolbox.classical import Image, fill_each

BLOCK = 16
"""Side of OpenCV's largest block in pixels; what is left over beside whole blocks it would not fill."""


class Adapter(Inpainter):
    """`cv2.xphoto.inpaint` with INPAINT_FSR_FAST."""

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        return fill_each(images, masks, _fill)


def _fill(image: Image, hole: NDArray[np.bool_]) -> Image:
    height, width = hole.shape
    margin = 0, -height % BLOCK, 0, -width % BLOCK
    # OpenCV wants BGR, and a mask that is 0 in the hole
    bgr = cv2.copyMakeBorder(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), *margin, cv2.BORDER_REFLECT)
    known = cv2.copyMakeBorder((~hole).astype(np.uint8), *margin, cv2.BORDER_REFLECT)
    filled = np.zeros_like(bgr)
    cv2.xphoto.inpaint(bgr, known, filled, cv2.xphoto.INPAINT_FSR_FAST)
    return cv2.cvtColor(filled, cv2.COLOR_BGR2RGB)[:height, :width].astype(np.uint8)
