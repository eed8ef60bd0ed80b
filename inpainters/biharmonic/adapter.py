"""Biharmonic inpainting, scikit-image's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import inpaint_biharmonic
from torch import Tensor

from safebench.models.contracts import Inpainter
from safebench.models.toolbox.classical import Image, fill_each


class Adapter(Inpainter):
    """`skimage.restoration.inpaint_biharmonic`, one sparse system for the whole hole."""

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        return fill_each(images, masks, _fill)


def _fill(image: Image, hole: NDArray[np.bool_]) -> NDArray[np.float64]:
    filled: NDArray[np.float64] = inpaint_biharmonic(image / 255, hole, channel_axis=-1)
    return filled
