"""Generators that take square pictures of one size, 256 or 512 pixels, which their checkpoint says."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from safebench.errors import ModelError
from safebench.models.contracts import Inpainter
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state, network_state


def check_size(name: str, size: int, images: Tensor, otherwise: str = "or load the checkpoint for that size") -> None:
    """Raise ModelError where pictures, B x 3 x H x W, are not of `size` pixels a side; `otherwise` says what helps."""
    height, width = images.shape[-2:]
    if (height, width) != (size, size):
        raise ModelError(
            f"{name}: the loaded checkpoint takes {size}x{size} pixels only, not {width}x{height}; "
            f"resize the photos, {otherwise}"
        )


class SquareInpainter(Inpainter):
    """Takes a published pickle, or a plain state dict of its averaged generator; either for 256 or for 512 pixels."""

    generator: ClassVar[Any]
    """The network's class, made for a side in pixels; it keeps that as `size`."""
    only_512: ClassVar[str]
    """A part of a key that the checkpoint for 512 pixels alone has."""
    channels_last: ClassVar[bool] = True

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`."""
        super().load(weights, device)
        state = load_state(weights)
        if "G_ema" in state:
            state = network_state(state["G_ema"], str(weights))
        network = self.generator(512 if any(self.only_512 in str(key) for key in state) else 256)
        fit(network, state, f"{self.card.name}: {weights}")
        self.network: Any = network.eval().to(device)
        if self.channels_last:
            self.network = in_fastest_layout(self.network)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`.  The random inputs are drawn anew for each call and shared by its pictures.

        Raises ModelError for pictures of another size than the loaded network's.
        """
        check_size(self.card.name, self.network.size, images)
        return ((self.fill(images * 2 - 1, masks) + 1) / 2).clamp(0, 1)

    @abstractmethod
    def fill(self, images: Tensor, masks: Tensor) -> Tensor:
        """The network's pictures, B x 3 x H x W, nominally in [-1, 1], of images in [-1, 1] and masks, 1 = hole."""
