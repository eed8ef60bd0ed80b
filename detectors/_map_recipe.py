"""What the recipes of detectors with a map have in common: their pictures, what is validated, what is shown."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from safebench.errors import ConfigError
from safebench.metrics.auc import pixel_auc
from safebench.models.calling import top1_mean
from safebench.models.cards import Card
from safebench.models.contracts import Recipe
from safebench.protocol import THRESHOLD
from safebench.training.limits import Share
from safebench.weights.read.checkpoints import fit

from ._examples import Fillers, Finished, Mixture


class PictureOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be chosen of the training pictures.

    inpainters: who fills holes on the fly; composites: folders of finished runs to learn from; untouched: share of
    untouched photos; drawn_anew: share of the others that `_resynthesis` makes; varied: share of all photos that it
    first gives another history (enlarged, smoothed, grainy, compressed); recompressed: share of all pictures that are
    compressed as JPEG after they were filled.
    """

    inpainters: tuple[str, ...] = ("telea", "criminisi")
    composites: tuple[str, ...] = ()
    untouched: Share = 0.2
    drawn_anew: Share = 0.0
    varied: Share = 0.0
    recompressed: Share = 0.0


class MapRecipe(Recipe):
    """One network, `network`, that learns where pictures were filled; a recipe adds it, its optimiser and its loss."""

    last_bias: ClassVar[str]
    """The product's key whose last number is added to every pixel's log-odds: what calibration moves."""
    watch = ("auc", "max")
    of_examples: ClassVar[frozenset[str]] = frozenset(PictureOptions.__struct_fields__)

    def __init__(self, card: Card, config: PictureOptions) -> None:
        super().__init__(card, config)
        if not (config.inpainters or config.composites) and config.drawn_anew < 1:
            raise ConfigError("inpainters and composites: name one at least, to have holes filled by")
        fillers, finished = Fillers(config.inpainters), Finished(config.composites)
        shares = (config.untouched, config.drawn_anew, config.varied, config.recompressed)
        self._mixture = Mixture(fillers, finished, *shares)

    @abstractmethod
    def logits(self, networks: Mapping[str, nn.Module], images: Tensor) -> Tensor:
        """The log-odds of each pixel to be filled: images B x 3 x H x W in [0, 1] to float32 B x 1 x H x W."""

    @abstractmethod
    def loss(self, logits: Tensor, masks: Tensor) -> Tensor:
        """The loss of each picture: B x 1 x H x W both, masks 1 = filled, to B."""

    def example(self, photo: np.ndarray, hole: np.ndarray, rng: np.random.Generator) -> dict[str, Tensor]:
        """See `Recipe.example`: image, float32 3 x H x W in [0, 1], and mask, 1 x H x W, where it was filled."""
        return self.picture_example(*self._mixture.draw(photo, hole, rng))

    def picture_example(self, picture: np.ndarray, filled: np.ndarray) -> dict[str, Tensor]:
        """See `Recipe.picture_example`."""
        return {
            "image": torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255,
            "mask": torch.from_numpy(filled.copy())[None].float(),
        }

    def start(self, networks: Mapping[str, nn.Module], product: Mapping[str, Tensor], name: str) -> None:
        """See `Recipe.start`."""
        fit(networks["network"], product, name)

    def validate(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `Recipe.validate`: AUC of filled photos, NaN for untouched ones; false alarms the other way round."""
        logits = self.logits(networks, batch["image"])
        maps = logits[:, 0].sigmoid().cpu().numpy()
        holes = batch["mask"][:, 0].cpu().numpy() > 0.5
        alarms = [
            float(top1_mean(map_) >= THRESHOLD) if not hole.any() else np.nan
            for map_, hole in zip(maps, holes, strict=True)
        ]
        return {
            "auc": torch.tensor([pixel_auc(map_, hole) for map_, hole in zip(maps, holes, strict=True)]),
            "false_alarms": torch.tensor(alarms),
            "loss": self.loss(logits, batch["mask"]).cpu(),
        }

    def preview(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """See `Recipe.preview`."""
        maps = self.logits(networks, batch["image"]).sigmoid()
        pictures = {"image": batch["image"], "filled": batch["mask"], "map": maps}
        return {name: picture.expand(-1, 3, -1, -1) for name, picture in pictures.items()}

    def product(self, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """See `Recipe.product`."""
        return networks["network"].state_dict()
