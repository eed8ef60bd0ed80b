"""A detector of what Splicebuster's models say: the map shows two classes, the score whether textures explain them.

Its figures on untouched photos come from `python -m safebench_detectors._calibrate`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

from safebench.models.contracts import Detection, Detector

from ._splicebuster import Segmentation

COLOUR_WEIGHT = 2.5
"""How much the share of the classes that colours explain counts against the logarithm of their separation."""
SLOPE = 2.0


class TwoClasses(Detector):
    """Says of each image which of its two classes was forged, and whether either was."""

    limit: ClassVar[float]
    """The evidence from which on an image is flagged."""

    @abstractmethod
    def segmentations(self, images: Tensor) -> list[Segmentation | None]:
        """The two classes of each image of a batch; None for one that says nothing (flat, clipped)."""

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`.

        The maps always show two classes, for there are two textures in most photos; the scores say whether they are
        more than that.
        """
        found = self.segmentations(images)
        nothing = np.zeros(images.shape[2:])
        maps = np.stack([nothing if f is None else f.ratio for f in found])
        scores = np.array([0.0 if f is None else expit(SLOPE * (evidence(f) - self.limit)) for f in found])
        stored = np.rint(maps * 65535.0) / 65535  # 16 bits, as maps are stored
        return Detection(_tensor(stored, images), _tensor(scores, images))


def evidence(found: Segmentation) -> float:
    """That an image was forged: its two classes lie far apart, and do not follow its colours."""
    return float(np.log(max(found.separation, np.finfo(float).tiny))) - COLOUR_WEIGHT * found.colour_share


def _tensor(values: NDArray[np.float64], like: Tensor) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(like.device)
