"""Median filter."""

from __future__ import annotations

import cv2
import numpy as np

from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import MaskedImage


class Adapter(PostProcessing):
    """OpenCV's median over a square of that many pixels a side, each channel by itself."""

    def apply(self, image: MaskedImage) -> MaskedImage:
        """See `PostProcessing.apply`."""
        return image.with_pixels(cv2.medianBlur(image.pixels, int(self.level)).astype(np.uint8, copy=False))
