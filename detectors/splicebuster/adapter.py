"""Splicebuster, a blind detector (Cozzolino, Poggi, Verdoliva 2015)."""

from __future__ import annotations

from torch import Tensor

from safebench.models.toolbox.classical import Image, to_images

from .._splicebuster import Segmentation, cooccurrences, quantise, segment, unclipped
from .._two_classes import TwoClasses
from .residual import STEP, luminance, third_differences


class Adapter(TwoClasses):
    """Co-occurrences of third differences along rows and columns; two Gaussians; the class of less energy."""

    limit = 0.73

    def segmentations(self, images: Tensor) -> list[Segmentation | None]:
        """See `TwoClasses.segmentations`."""
        return [_two_classes(image, self.seed) for image in to_images(images)]


def _two_classes(image: Image, seed: int) -> Segmentation | None:
    grey = luminance(image)
    along_rows, along_columns = third_differences(grey, 1), third_differences(grey, 0)
    rows, columns = quantise(along_rows, STEP), quantise(along_columns, STEP)
    lengthwise = cooccurrences(rows, 1), cooccurrences(columns, 0)
    crosswise = cooccurrences(rows, 0), cooccurrences(columns, 1)
    return segment([lengthwise, crosswise], along_rows**2 + along_columns**2, image, unclipped(image), seed)
