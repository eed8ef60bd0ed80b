"""MMFusion, with early fusion, as a detector."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.classical import to_images
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state, part

from .._noiseprint_pp import over_256
from .network import MMFusion, resize
from .residuals import Residuals

LONGEST = 2048
"""Pictures with a longer side are brought to it first, as the authors do."""


class Adapter(Detector):
    """Map, confidence and score of the network whose confidence and score are trained (the authors' phase 2)."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is early_fusion_detection.pth."""
        super().load(weights, device)
        self._network, self._residuals = MMFusion(), Residuals()
        held = load_state(weights)
        fit(self._network, part(held, "state_dict", str(weights)), str(weights))
        fit(self._residuals, part(held, "extractor_state_dict", str(weights)), str(weights))
        in_fastest_layout(self._network.backbone)  # so its maps lie as its tokens do
        for network in (self._network, self._residuals):
            network.to(device).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        size = images.shape[2:]
        pictures = over_256(_within(images))
        answer = self._network(pictures, self._residuals(pictures))
        return Detection(
            maps=resize(answer.map.softmax(dim=1)[:, 1:], size)[:, 0],
            scores=answer.score.sigmoid(),
            confidence=resize(answer.confidence.sigmoid(), size)[:, 0],
        )


def _within(images: Tensor) -> Tensor:
    """Images whose longer side is at most LONGEST; smaller ones as they are."""
    height, width = images.shape[2:]
    share = LONGEST / max(height, width)
    if share >= 1:
        return images
    size = (round(width * share), round(height * share))  # OpenCV's order
    smaller = np.stack([cv2.resize(image, size) for image in to_images(images)])
    return torch.from_numpy(smaller).to(images.device).permute(0, 3, 1, 2).float() / 255
