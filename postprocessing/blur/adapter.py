"""Gaussian blur."""

from __future__ import annotations

import cv2
import numpy as np

from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import MaskedImage


class Adapter(PostProcessing):
    """OpenCV's Gaussian of that many pixels a side, with the width that OpenCV derives from it."""

    def apply(self, image: MaskedImage) -> MaskedImage:
        """See `PostProcessing.apply`."""
        side = int(self.level)
        return image.with_pixels(cv2.GaussianBlur(image.pixels, (side, side), 0).astype(np.uint8, copy=False))
