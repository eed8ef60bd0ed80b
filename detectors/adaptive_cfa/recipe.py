"""How the network learns the traces of demosaicing: from photos that are mosaicked and demosaiced on the fly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from safebench.models.cards import Input
from safebench.models.contracts import Recipe as BaseRecipe
from safebench.training.limits import Rate
from safebench.weights.read.checkpoints import fit

from .mosaics import SMALLER, photographed
from .network import MosaicNetwork, block_evidence, losses


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be chosen."""

    learning_rate: Rate = 2e-3


class Recipe(BaseRecipe):
    """Cross-entropy of the red pixel's place in each 2x2 block, and, as the auxiliary loss, of each pixel's position in
    the mosaic; holes take no part."""

    Config = Options
    watch = ("accuracy", "max")
    sizes: ClassVar[Input] = Input(multiple_of=2 * SMALLER, smallest_side=32)

    def example(self, photo: np.ndarray, hole: np.ndarray, rng: np.random.Generator) -> dict[str, Tensor]:
        """See `Recipe.example`: image, float32 3 x H/2 x W/2 in [0, 1], and red, 2 * row + column of a red pixel."""
        del hole
        red = int(rng.integers(4))
        picture = photographed(photo, divmod(red, 2), rng)
        return {"image": torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255, "red": torch.tensor(red)}

    def build(self) -> dict[str, nn.Module]:
        """See `Recipe.build`."""
        return {"network": MosaicNetwork()}

    def start(self, networks: Mapping[str, nn.Module], product: Mapping[str, Tensor], name: str) -> None:
        """See `Recipe.start`."""
        fit(networks["network"], product, name)

    def optimisers(self, networks: Mapping[str, nn.Module]) -> dict[str, torch.optim.Optimizer]:
        """See `Recipe.optimisers`."""
        return {"network": torch.optim.Adam(networks["network"].parameters(), lr=self.config.learning_rate)}

    def step(
        self,
        networks: Mapping[str, nn.Module],
        batch: Mapping[str, Tensor],
        update: Callable[[str, Tensor], None],
    ) -> dict[str, Tensor]:
        """See `Recipe.step`."""
        logits = networks["network"](batch["image"]).float()
        blocks, pixels = losses(logits, batch["red"])
        update("network", blocks + pixels)
        return {"blocks": blocks.detach(), "pixels": pixels.detach()}

    def validate(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `Recipe.validate`: the share of each picture's blocks whose red pixel is where it is told."""
        evidence = block_evidence(networks["network"](batch["image"]).float())
        right = evidence.argmax(dim=1) == batch["red"][:, None, None]
        return {"accuracy": right.float().mean(dim=(1, 2)).cpu()}

    def preview(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `Recipe.preview`: the picture, and how probable each block makes the place where red is."""
        shares = block_evidence(networks["network"](batch["image"]).float()).softmax(dim=1)
        true = shares.gather(1, batch["red"][:, None, None, None].expand(-1, 1, *shares.shape[2:]))
        return {"image": batch["image"], "position": F.interpolate(true, scale_factor=2.0).expand(-1, 3, -1, -1)}

    def product(self, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """See `Recipe.product`."""
        state: dict[str, Any] = networks["network"].state_dict()
        return state
