"""How IID-Net is trained: filled photos, the map against the hole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from safebench.errors import ConfigError
from safebench.metrics.auc import pixel_auc
from safebench.models.calling import top1_mean
from safebench.models.cards import Card
from safebench.models.contracts import Recipe as Contract
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.protocol import THRESHOLD
from safebench.weights.read.checkpoints import fit

from .examples import Fillers, Finished, Mixture
from .network import WIDTH, IIDNet, network_input
from .starting import initialise

ALPHA = 0.25
GAMMA = 2


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be chosen.

    inpainters: who fills holes on the fly; composites: folders of finished runs to learn from; untouched: share of
    untouched photos (the authors have none); drawn_anew: share of the others that `resynthesis` makes; varied: share of
    all photos that it first gives another history (enlarged, smoothed, grainy, compressed).
    width: channels of the cells, 256 in the paper, a multiple of 8.
    """

    inpainters: tuple[str, ...] = ("telea", "criminisi")
    composites: tuple[str, ...] = ()
    untouched: float = 0.2
    drawn_anew: float = 0.0
    varied: float = 0.0
    width: int = WIDTH
    learning_rate: float = 1e-4


class Recipe(Contract):
    """Adam at 1e-4 and the sum of cross-entropy and focal loss, as in the authors' code; the engine mirrors photos.

    Where this differs from that code: all filters of the constrained convolution are constrained, as Bayar and Stamm
    define it; the focal loss sees the map itself, not a sigmoid of it; the rate is not lowered during the training; and
    untouched photos are among the pictures, so that there are fewer false alarms.
    """

    Config = Options
    watch: ClassVar[tuple[str, str]] = ("auc", "max")
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "authors": {"untouched": 0.0},
        "small": {"width": 96, "learning_rate": 1e-3, "drawn_anew": 0.25},
    }

    def __init__(self, card: Card, config: Options) -> None:
        super().__init__(card, config)
        if config.width < 8 or config.width % 8:
            raise ConfigError(f"width: {config.width} is no positive multiple of 8")
        if not (config.inpainters or config.composites) and config.drawn_anew < 1:
            raise ConfigError("inpainters and composites: name one at least, to have holes filled by")
        self._mixture = Mixture(
            Fillers(config.inpainters), Finished(config.composites), config.untouched, config.drawn_anew, config.varied
        )

    def example(self, photo: np.ndarray, hole: np.ndarray, rng: np.random.Generator) -> dict[str, Tensor]:
        """See `Recipe.example`: image, float32 3 x H x W in [0, 1], and mask, 1 x H x W, where it was filled."""
        image, filled = self._mixture.draw(photo, hole, rng)
        return {
            "image": torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255,
            "mask": torch.from_numpy(filled.copy())[None].float(),
        }

    def build(self) -> dict[str, nn.Module]:
        """See `Recipe.build`."""
        network = IIDNet(self.config.width, every_filter=True)
        initialise(network)
        return {"network": in_fastest_layout(network)}

    def start(self, networks: Mapping[str, nn.Module], product: Mapping[str, Tensor], name: str) -> None:
        """See `Recipe.start`."""
        fit(networks["network"], product, name)

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
        entropy, focal = losses(_logits(networks, batch), batch["mask"])
        update("network", (entropy + focal).mean())
        return {"entropy": entropy.mean().detach(), "focal": focal.mean().detach()}

    def validate(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `Recipe.validate`: AUC of filled photos, NaN for untouched ones; false alarms the other way round."""
        logits = _logits(networks, batch)
        maps = logits[:, 0].sigmoid().cpu().numpy()
        holes = batch["mask"][:, 0].cpu().numpy() > 0.5
        alarms = [
            float(top1_mean(found) >= THRESHOLD) if not hole.any() else np.nan
            for found, hole in zip(maps, holes, strict=True)
        ]
        return {
            "auc": torch.tensor([pixel_auc(found, hole) for found, hole in zip(maps, holes, strict=True)]),
            "false_alarms": torch.tensor(alarms),
            "loss": sum(losses(logits, batch["mask"]), torch.zeros(())).cpu(),
        }

    def preview(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `Recipe.preview`."""
        maps = _logits(networks, batch).sigmoid()
        pictures = {"image": batch["image"], "filled": batch["mask"], "map": maps}
        return {name: picture.expand(-1, 3, -1, -1) for name, picture in pictures.items()}

    def product(self, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """See `Recipe.product`."""
        return networks["network"].state_dict()


def losses(logits: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and focal loss of each picture: logits and masks B x 1 x H x W, both float32, to B and B.

    Focal loss (Lin et al. 2017, eq. 5): -a (1 - p)^2 log p, with p the share given to a pixel's class and a = 0.25 for
    the filled pixels, 0.75 for the others.
    """
    entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")
    balance = torch.where(masks > 0.5, ALPHA, 1 - ALPHA)
    focal = balance * (1 - torch.exp(-entropy)) ** GAMMA * entropy
    return entropy.mean(dim=(1, 2, 3)), focal.mean(dim=(1, 2, 3))


def _logits(networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> Tensor:
    """In float32 whatever the training's precision: the losses need it."""
    logits: Tensor = networks["network"](network_input(batch["image"]))
    return logits.float()
