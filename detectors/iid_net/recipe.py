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
from safebench.training.limits import Rate
from safebench.weights.read.checkpoints import fit

from .._map_recipe import MapRecipe, PictureOptions
from .adapter import KERNELS, PUBLISHED
from .network import WIDTH, IIDNet, network_input
from .starting import initialise

ALPHA = 0.25
GAMMA = 2
_PREFIX, _MEDIAN = "module.", "median."
"""Of keys in the authors' file: of all, and of a part that takes no part."""


class Options(PictureOptions, frozen=True, forbid_unknown_fields=True):
    """What can be chosen beside the pictures (the authors have no untouched ones).

    width: channels of the cells, 256 in the paper, a multiple of 8.  every_filter: whether all filters of the
    constrained convolution are constrained, as Bayar and Stamm define it, or those of one channel, as in the authors'
    weights (which have the paper's width).
    """

    width: int = WIDTH
    every_filter: bool = True
    learning_rate: Rate = 1e-4


class Recipe(MapRecipe):
    """Adam at 1e-4 and the sum of cross-entropy and focal loss, as in the authors' code; the engine mirrors photos.

    Where this differs from that code: all filters of the constrained convolution are constrained, as Bayar and Stamm
    define it; the focal loss sees the map itself, not a sigmoid of it; the rate is not lowered during the training; and
    untouched photos are among the pictures, so that there are fewer false alarms.
    """

    Config = Options
    last_bias = "decision.15.bias"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "authors": {"untouched": 0.0},
        "small": {"width": 96, "learning_rate": 1e-3, "drawn_anew": 0.25},
    }

    def __init__(self, card: Card, config: Options) -> None:
        super().__init__(card, config)
        if config.width < 8 or config.width % 8:
            raise ConfigError(f"width: {config.width} is no positive multiple of 8")

        if config.width != WIDTH and not config.every_filter:
            raise ConfigError(f"every_filter: only networks of width {WIDTH} can do without, as the authors' weights")

    @classmethod
    def options_of(cls, product: Mapping[str, Any]) -> dict[str, Any]:
        """See `Recipe.options_of`."""
        if any(str(key).endswith(PUBLISHED) for key in product):
            return {"every_filter": False}
        kernels = next((value for key, value in product.items() if str(key).endswith(KERNELS)), None)
        return {"width": len(kernels)} if isinstance(kernels, Tensor) and kernels.dim() else {}

    def build(self) -> dict[str, nn.Module]:
        """See `Recipe.build`."""
        network = IIDNet(self.config.width, every_filter=self.config.every_filter)
        initialise(network)
        return {"network": in_fastest_layout(network)}

    def start(self, networks: Mapping[str, nn.Module], product: Mapping[str, Tensor], name: str) -> None:
        """See `Recipe.start`; the authors' file is taken as their adapter takes it."""
        if self.config.every_filter:
            super().start(networks, product, name)
        else:
            fit(networks["network"], product, name, prefix=_PREFIX, skip=(_MEDIAN,))

    def product(self, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """See `Recipe.product`; one that began from the authors' weights has their keys, by which they are known."""
        state = super().product(networks)
        if self.config.every_filter:
            return state
        return {_PREFIX + key: value for key, value in state.items()} | {_PREFIX + PUBLISHED: torch.zeros(1)}

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
