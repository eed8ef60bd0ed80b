"""IID-Net as a detector."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.models.contracts import Detection, Detector
from safebench.weights.read.checkpoints import fit, load_state

from .network import IIDNet, network_input

KERNELS = "att.local_att.weight"
"""Holds one kernel for each channel; with a prefix in the published file, and wherever a network was saved wrapped."""
PUBLISHED = "median.weight"
"""A key that what is trained here does not have."""


class Adapter(Detector):
    """The map of a freshly loaded network, for every picture."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is IID_weights.pth, whose kernel of the median is never used, or what was trained here."""
        super().load(weights, device)
        state = load_state(weights)
        kernels = next((value for key, value in state.items() if str(key).endswith(KERNELS)), None)
        if isinstance(kernels, Tensor) and not any(str(key).endswith(PUBLISHED) for key in state):
            self._network = IIDNet(len(kernels), every_filter=True)
            fit(self._network, state, str(weights))
        else:
            self._network = IIDNet()
            fit(self._network, state, str(weights), prefix="module.", skip=("median.",))
        self._network.to(device).eval()

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`.

        Pictures go through one by one: a batch rounds otherwise, and where two neighbours of the attention are nearly
        tied that can swap them, which shows.
        """
        logits = torch.cat([self._network(picture[None]) for picture in network_input(images)])
        return Detection(maps=logits[:, 0].sigmoid())
