"""Diffusion-based inpainting by the Laplacian's changes along the isophotes (Li, Luo, Huang 2017)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import WeightsError
from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.classical import map_each

from .classifier import locate, read_classifier


class Adapter(Detector):
    """The paper's 16 features, a small classifier in place of its ensemble, and a calibrated map."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """Read the classifier; raises WeightsError where the file is none."""
        super().load(weights, device)
        if weights is None:
            raise WeightsError("laplacian: no classifier was given; it ships with the package as classifier.json")
        self._classifier = read_classifier(weights)

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        return Detection(map_each(images, partial(locate, classifier=self._classifier)))
