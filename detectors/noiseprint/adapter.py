"""Noiseprint++ as a detector of its own: its residual, in Splicebuster's two classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from torch import Tensor

from safebench.models.toolbox.classical import Image, to_images
from safebench.weights.read.checkpoints import fit, load_state, part

from .._noiseprint_pp import NoiseprintPP, over_256
from .._splicebuster import Segmentation, cooccurrences, quantise, segment, unclipped
from .._two_classes import TwoClasses

BORDER = 16
"""Pixels along the picture's edge that are left out, as in the authors' viewer: the network's padding shows there."""
MEAN = 5
"""Side of the local mean that is taken away: slow changes of the residual follow the scene."""
SILENCE = 1e-3
"""A residual of less deviation, in the network's units, is none; photos have about 0.1."""


class Adapter(TwoClasses):
    """Co-occurrences of the residual along rows and columns; two Gaussians; the class of less energy."""

    limit = 0.32

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is noiseprint++.th."""
        super().load(weights, device)
        self._network = NoiseprintPP()
        fit(self._network, part(load_state(weights), "network", str(weights)), str(weights))
        self._network.to(device).eval()

    def segmentations(self, images: Tensor) -> list[Segmentation | None]:
        """See `TwoClasses.segmentations`."""
        residuals = self._network(over_256(images))[:, 0].cpu().numpy()
        return [_two_classes(*pair, self.seed) for pair in zip(residuals, to_images(images), strict=True)]


def _two_classes(residual: NDArray[np.float32], image: Image, seed: int) -> Segmentation | None:
    usable = np.zeros(residual.shape, dtype=bool)
    usable[BORDER:-BORDER, BORDER:-BORDER] = unclipped(image)[BORDER:-BORDER, BORDER:-BORDER]
    if not usable.any():
        return None
    noise = residual.astype(np.float64)
    noise -= uniform_filter(noise, MEAN)
    deviation = np.median(np.abs(noise[usable])) / 0.6745  # that of a Gaussian with this median
    if deviation < SILENCE:
        return None
    noise /= deviation
    levels = quantise(noise, 1.0)
    return segment([[cooccurrences(levels, axis) for axis in (1, 0)]], noise**2, image, usable, seed)
