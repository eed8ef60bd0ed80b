"""TruFor as a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state, part

from .._noiseprint_pp import over_256
from .network import TruFor


class Adapter(Detector):
    """Map, confidence and score of the released inference code."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is trufor.pth.tar."""
        super().load(weights, device)
        self._network = TruFor()
        fit(self._network, part(load_state(weights), "state_dict", str(weights)), str(weights))
        in_fastest_layout(self._network.backbone)  # so its maps lie as its tokens do
        self._network.to(device).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        answer = self._network(over_256(images))
        return Detection(
            maps=answer.map.softmax(dim=1)[:, 1],
            scores=answer.score.sigmoid(),
            confidence=answer.confidence[:, 0].sigmoid(),
        )
