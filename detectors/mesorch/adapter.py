"""Mesorch as a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state, part

from .._imagenet import squares, standardised
from .network import NOT_USED, Mesorch

SIDE = 512
"""Pictures are brought to this square, as in the authors' tests."""


class Adapter(Detector):
    """The map of the square, brought to the picture's size."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is mesorch-98.pth; or mesorch_p-118.pth, which holds no gate."""
        super().load(weights, device)
        state = part(load_state(weights), "model", str(weights))
        self._network = Mesorch(pruned=not any(key.startswith("gate.") for key in state))
        fit(self._network, state, str(weights), skip=NOT_USED)
        in_fastest_layout(self._network).to(device).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        logits = self._network(standardised(squares(images, SIDE)).contiguous()).float()
        found = interpolate(logits, (SIDE, SIDE), mode="bilinear", align_corners=True).sigmoid()
        maps = interpolate(found, images.shape[2:], mode="bilinear", align_corners=False)
        return Detection(maps[:, 0].clamp(0, 1))
