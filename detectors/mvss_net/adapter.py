"""MVSS-Net as a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state

from .._imagenet import squares, standardised
from .network import NOT_USED, MVSSNet

SIDE = 512
"""Pictures are brought to this square, as in the authors' script."""


class Adapter(Detector):
    """The map at the picture's size, and its highest value before that as the score."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is mvssnet_casia.pt or mvssnet_defacto.pt."""
        super().load(weights, device)
        self._network = MVSSNet()
        fit(self._network, load_state(weights), str(weights), skip=NOT_USED)
        in_fastest_layout(self._network).to(device).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        # ImageNet's numbers for red, green and blue are taken for blue, green and red, as the authors do
        blue_first = squares(images, SIDE).flip(1)
        logits = self._network(standardised(blue_first)).float()
        found = interpolate(logits, (SIDE, SIDE), mode="bilinear", align_corners=True).sigmoid()
        maps = interpolate(found, images.shape[2:], mode="bilinear", align_corners=False)
        return Detection(maps[:, 0].clamp(0, 1), scores=found.flatten(1).amax(dim=1))
