"""The control that leaves the trace of a latent autoencoder alone: the photo, encoded and decoded."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import WeightsError
from safebench.models.contracts import Inpainter
from safebench.models.toolbox.autoencoder import open_autoencoder


class Adapter(Inpainter):
    """`autoencoder-copy:OWNER/MODEL` at the Hugging Face Hub, or `autoencoder-copy:FOLDER`.

    Its card asks the engine not to blank the hole.
    """

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; `weights` is the autoencoder's folder."""
        super().load(weights, device)
        if weights is None:
            raise WeightsError(f"{self.card.name}: say which autoencoder, as {self.card.name}:FOLDER")
        self._round_trip = open_autoencoder(weights, device, self.card.name)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:  # noqa: ARG002
        """See `Inpainter.inpaint`; picture by picture, so that a batch's company changes no digit."""
        return torch.cat([self._round_trip(images[k : k + 1]) for k in range(len(images))])
