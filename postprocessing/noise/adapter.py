"""Gaussian noise."""

from __future__ import annotations

import numpy as np

from safebench.models.contracts import PostProcessing
from safebench.models.masked_image import MaskedImage


class Adapter(PostProcessing):
    """Independent noise for each pixel and channel, drawn anew for each picture; rounded and cut off at 0 and 255."""

    def apply(self, image: MaskedImage) -> MaskedImage:
        """See `PostProcessing.apply`."""
        noise = image.generator(self.seed).normal(0, self.level, image.pixels.shape)
        return image.with_pixels(np.clip(np.rint(image.pixels + noise), 0, 255).astype(np.uint8))
