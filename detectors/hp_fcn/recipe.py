"""How HP-FCN is trained: filled photos, the focal loss of the map against the hole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from safebench.models.cards import Input
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.training.limits import Channels, LossWeight, Rate

from .._map_recipe import MapRecipe, PictureOptions
from .adapter import NARROWEST
from .network import HPFCN, MULTIPLE, WIDTH, log_odds

GAMMA = 2


class Options(PictureOptions, frozen=True, forbid_unknown_fields=True):
    """What can be chosen beside the pictures.

    width: channels within the first block's bottlenecks, 32 in the paper.  weight_decay: the weight of the squares of
    the convolutions' numbers in the loss, 1e-5 as in the authors' code.
    """

    width: Channels = WIDTH
    learning_rate: Rate = 1e-4
    weight_decay: LossWeight = 1e-5


class Recipe(MapRecipe):
    """Adam at 1e-4 and the focal loss, as in the paper; the engine mirrors photos.

    Where this differs from the paper: the rate is not halved after each epoch, and untouched photos are among the
    pictures (the paper's all have a hole), so that there are fewer false alarms.
    """

    Config = Options
    last_bias = "classes.bias"
    sizes: ClassVar[Input] = Input(multiple_of=MULTIPLE, smallest_side=MULTIPLE)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {"untouched": 0.0},
        "small": {"width": 12, "learning_rate": 1e-3, "drawn_anew": 0.25},
    }

    @classmethod
    def options_of(cls, product: Mapping[str, Any]) -> dict[str, Any]:
        """See `Recipe.options_of`."""
        filters = next((value for key, value in product.items() if str(key).endswith(NARROWEST)), None)
        return {"width": len(filters)} if isinstance(filters, Tensor) and filters.dim() else {}

    def build(self) -> dict[str, nn.Module]:
        """See `Recipe.build`."""
        return {"network": in_fastest_layout(HPFCN(self.config.width))}

    def optimisers(self, networks: Mapping[str, nn.Module]) -> dict[str, torch.optim.Optimizer]:
        """See `Recipe.optimisers`."""
        network = networks["network"]
        decaying = [layer.weight for layer in network.modules() if isinstance(layer, nn.Conv2d)]
        others = [p for p in network.parameters() if all(p is not weight for weight in decaying)]
        # the loss's term is decay / 2 times the squares, whose gradient is what Adam's own option adds
        groups = [{"params": decaying, "weight_decay": self.config.weight_decay}, {"params": others}]
        return {"network": torch.optim.Adam(groups, lr=self.config.learning_rate)}

    def step(
        self,
        networks: Mapping[str, nn.Module],
        batch: Mapping[str, Tensor],
        update: Callable[[str, Tensor], None],
    ) -> dict[str, Tensor]:
        """See `Recipe.step`."""
        focal = self.loss(self.logits(networks, batch["image"]), batch["mask"]).mean()
        update("network", focal)
        return {"focal": focal.detach()}

    def logits(self, networks: Mapping[str, nn.Module], images: Tensor) -> Tensor:
        """See `MapRecipe.logits`; in float32 whatever the training's precision, since the loss needs it."""
        return log_odds(networks["network"](images)).float()

    def loss(self, logits: Tensor, masks: Tensor) -> Tensor:
        """The focal loss of each picture (Lin et al. 2017, eq. 4): -(1 - p)^2 log p, with p the share given to a
        pixel's class, mean over the pixels.  B x 1 x H x W both to B."""
        entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
        return ((1 - torch.exp(-entropy)) ** GAMMA * entropy).mean(dim=(1, 2, 3))
