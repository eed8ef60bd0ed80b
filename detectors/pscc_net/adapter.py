"""PSCC-Net as a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from safebench.models.contracts import Detection, Detector
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state

from . import heads
from .network import HRNet, resize


class Adapter(Detector):
    """The finest mask as the map, the detection head's softmax as the score."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is the folder that holds HRNet.pth, NLCDetection.pth and DetectionHead.pth."""
        super().load(weights, device)
        self._backbone, self._localisation, self._detection = HRNet(), heads.Localisation(), heads.Detection()
        for network, file in (
            (self._backbone, "HRNet.pth"),
            (self._localisation, "NLCDetection.pth"),
            (self._detection, "DetectionHead.pth"),
        ):
            _fill(network, weights / file if weights else None)
            in_fastest_layout(network.to(device)).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        features = heads.squared(self._backbone(images))
        finest = self._localisation(features)[0]
        maps = resize(finest, images.shape[2:])[:, 0].clamp(0, 1)
        return Detection(maps, scores=self._detection(features).softmax(dim=1)[:, 1])


def _fill(network: nn.Module, path: Path | None) -> None:
    fit(network, load_state(path), str(path), prefix="module.")
