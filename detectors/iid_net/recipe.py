"""How IID-Net is trained: filled photos, the map against the hole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from safebench.errors import ConfigError
from safebench.models.cards import Card
from safebench.models.toolbox.layout import in_fastest_layout

from .._map_recipe import MapRecipe, PictureOptions
from .network import WIDTH, IIDNet, network_input
from .starting import initialise

ALPHA = 0.25
GAMMA = 2


class Options(PictureOptions, frozen=True, forbid_unknown_fields=True):
    """What can be chosen beside the pictures (the authors have no untouched ones).

    width: channels of the cells, 256 in the paper, a multiple of 8.
    """

    width: int = WIDTH
    learning_rate: float = 1e-4


class Recipe(MapRecipe):
    """Adam at 1e-4 and the sum of cross-entropy and focal loss, as in the authors' code; the engine mirrors photos.

    Where this differs from that code: all filters of the constrained convolution are constrained, as Bayar and Stamm
    define it; the focal loss sees the map itself, not a sigmoid of it; the rate is not lowered during the training; and
    untouched photos are among the pictures, so that there are fewer false alarms.
    """

    Config = Options
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "authors": {"untouched": 0.0},
        "small": {"width": 96, "learning_rate": 1e-3, "drawn_anew": 0.25},
    }

    def __init__(self, card: Card, config: Options) -> None:
        super().__init__(card, config)
        if config.width < 8 or config.width % 8:
            raise ConfigError(f"width: {config.width} is no positive multiple of 8")

    def build(self) -> dict[str, nn.Module]:
        """See `Recipe.build`."""
        network = IIDNet(self.config.width, every_filter=True)
        initialise(network)
        return {"network": in_fastest_layout(network)}

    def optimisers(self, networks: Mapping[str, nn.Module]) -> dict[str, torch.optim.Optimizer]:
        """See `Recipe.optimisers`."""
        learned = [parameter for parameter in networks["network"].parameters() if parameter.requires_grad]
        return {"network": torch.optim.Adam(learned, lr=self.config.learning_rate)}

    def step(
        self,
        networks: Mapping[str, nn.Module],
        batch: Mapping[str, Tensor],
        update: Callable[[str, Tensor], None],
    ) -> dict[str, Tensor]:
        """See `Recipe.step`."""
        entropy, focal = losses(self.logits(networks, batch["image"]), batch["mask"])
        update("network", (entropy + focal).mean())
        return {"entropy": entropy.mean().detach(), "focal": focal.mean().detach()}

    def logits(self, networks: Mapping[str, nn.Module], images: Tensor) -> Tensor:
        """See `MapRecipe.logits`; in float32 whatever the training's precision, since the losses need it."""
        logits: Tensor = networks["network"](network_input(images))
        return logits.float()

    def loss(self, logits: Tensor, masks: Tensor) -> Tensor:
        """See `MapRecipe.loss`."""
        entropy, focal = losses(logits, masks)
        return entropy + focal


def losses(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and focal loss of each picture: logits and masks B x 1 x H x W, both float32, to B and B.

    Focal loss (Lin et al. 2017, eq. 5): -a (1 - p)^2 log p, with p the share given to a pixel's class and a = 0.25 for
    the filled pixels, 0.75 for the others.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    balance = torch.where(masks > 0.5, ALPHA, 1 - ALPHA)
    focal = balance * (1 - torch.exp(-entropy)) ** GAMMA * entropy
    return entropy.mean(dim=(1, 2, 3)), focal.mean(dim=(1, 2, 3))
