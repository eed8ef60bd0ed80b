"""Splicebuster, a blind detector (Cozzolino, Poggi, Verdoliva 2015)."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from safebench.classical import Image, to_images
from safebench.contracts import Detection, Detector

from .._splicebuster import Segmentation, cooccurrences, quantise, segment
from .residual import STEP, luminance, third_differences, unclipped

COLOUR_WEIGHT = 2.5
"""How much the share of the classes that colours explain counts against the logarithm of their separation."""
SLOPE = 2.0
LIMIT = 0.63
"""The evidence from which on an image is flagged; `calibrate.py` gives it."""


class Adapter(Detector):
    """Co-occurrences of third differences along rows and columns; two Gaussians; the class of less energy."""

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`.

        The maps always show two classes, for there are two textures in most photos; the scores say whether they are
        more than that.
        """
        found = [two_classes(image, self.seed) for image in to_images(images)]
        nothing = np.zeros(images.shape[2:])
        maps = np.stack([nothing if f is None else f.ratio for f in found])
        scores = np.array([0.0 if f is None else expit(SLOPE * (evidence(f) - LIMIT)) for f in found])
        stored = np.rint(maps * 65535.0) / 65535  # 16 bits, as maps are stored
        return Detection(_tensor(stored, images), _tensor(scores, images))


def evidence(found: Segmentation) -> float:
    """That an image was forged: its two classes lie far apart, and do not follow its colours."""
    return float(np.log(max(found.separation, np.finfo(float).tiny))) - COLOUR_WEIGHT * found.colour_share


def two_classes(image: Image, seed: int) -> Segmentation | None:
    """The image's windows in two classes: uint8 H x W x 3; None where it says nothing (flat, clipped)."""
    grey = luminance(image)
    along_rows, along_columns = third_differences(grey, 1), third_differences(grey, 0)
    rows, columns = quantise(along_rows, STEP), quantise(along_columns, STEP)
    lengthwise = cooccurrences(rows, 1), cooccurrences(columns, 0)
    crosswise = cooccurrences(rows, 0), cooccurrences(columns, 1)
    return segment([lengthwise, crosswise], along_rows**2 + along_columns**2, image, unclipped(image), seed)


def _tensor(values: NDArray[np.float64], like: Tensor) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(like.device)
