"""What an inpainter, a detector, a post-processing and a recipe have to be.

Images are float32, B x 3 x H x W, RGB in [0, 1]; masks are float32, B x 1 x H x W, 1 = hole, 0 = known.
`safebench.testing` holds the suites that check these contracts on any model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from safebench.errors import WeightsError
from safebench.models import parameters
from safebench.models.cards import Card, Input, OptionValue

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from safebench.models.masked_image import MaskedImage


class Model(ABC):
    """What inpainters and detectors have in common: a card, a variant, a seed and a device.

    `variant` is what follows the colon of `NAME:VARIANT`; `seed` reaches every random draw of the model,
    and is drawn from anew for each image, so that a batch equals single calls.  `options` are those that the card's
    table `[options]` names, each with the user's value or the card's.
    """

    def __init__(self, card: Card, *, variant: str = "", seed: int = 0) -> None:
        self.card = card
        self.variant = variant
        self.seed = seed
        self.options: dict[str, OptionValue] = dict(card.options)

    @classmethod
    def check_options(cls, options: Mapping[str, OptionValue]) -> None:
        """Raise ConfigError where values of the user's cannot be; called before a run begins, with all options."""
        del options

    def load(self, weights: Path | None, device: torch.device) -> None:
        """Load the checkpoint (None for a model that has none) and move to `device`.

        Called once, before the first image.  Raises WeightsError where the checkpoint does not fit.
        """
        self.device = device


class Inpainter(Model):
    """Fills holes.

    `sees_hole` is set where a network is compared with its authors' script and that looks under the hole: images then
    come as they are.  Nothing that is measured is made so.
    """

    sees_hole = False

    @abstractmethod
    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """Fill the holes of a batch.

        images: float32 B x 3 x H x W in [0, 1], the hole's pixels blanked (0); masks: float32 B x 1 x H x W,
        1 = hole.  Both lie on the device given to `load`.  Returns float32 B x 3 x H x W in [0, 1]: the whole
        picture; the engine puts the known pixels back.  An image's result depends on that image alone.
        """

    def inpaint_by_text(self, images: Tensor, masks: Tensor, texts: Sequence[str]) -> Tensor:
        """Fill the holes of pictures with what a text for each of them says; called instead of `inpaint` where the
        card says `text = true` and the texts of a run's pictures are known."""
        raise TypeError(f"{self.card.name} takes no text")

    def inpaint_named(self, images: Tensor, masks: Tensor, names: Sequence[str]) -> Tensor:
        """Fill the holes of pictures by their names in an exchange of files; called instead of `inpaint` where the card
        says `named = true`."""
        raise TypeError(f"{self.card.name} knows pixels, not names")


@dataclass(frozen=True)
class Detection:
    """What a detector says of a batch.

    maps: float32 B x H x W in [0, 1], high where it thinks that the image was inpainted.
    scores: float32 B in [0, 1], one for each image; None where the model has no image-level head.
    confidence: float32 B x H x W in [0, 1], where the model says how sure it is of each pixel.
    """

    maps: Tensor
    scores: Tensor | None = None
    confidence: Tensor | None = None


class Detector(Model):
    """Says where, and whether, an image was inpainted."""

    @abstractmethod
    def detect(self, images: Tensor) -> Detection:
        """Look at a batch: float32 B x 3 x H x W in [0, 1], exact multiples of 1/255, on the device."""

    def detect_files(self, paths: Sequence[Path]) -> Detection:
        """Look at image files of one size; called instead of `detect` where the card says `reads = "files"`."""
        raise TypeError(f"{self.card.name} reads pixels, not files")

    def detect_named(self, paths: Sequence[Path], names: Sequence[str]) -> Detection:
        """Look at image files of one size by their names in an exchange of files; called instead of `detect_files`
        where the card says `named = true`."""
        raise TypeError(f"{self.card.name} knows pixels, not names")


class PostProcessing(Model):
    """What happens to a picture between its maker and its judge: compression, resampling, noise.

    `level` is the number after the colon and `words` what follows it, checked as the card's `[parameter]` says
    (ConfigError); NaN and none where the card has no parameter.
    """

    def __init__(self, card: Card, *, variant: str = "", seed: int = 0) -> None:
        super().__init__(card, variant=variant, seed=seed)
        self.level, self.words = parameters.parse(card, variant)

    @abstractmethod
    def apply(self, image: MaskedImage) -> MaskedImage:
        """Change one picture; the same picture and seed give the same result (`image.generator(self.seed)` draws).

        Returns `image.with_pixels(...)`, with the mask where that moves along (nearest neighbour), or
        `image.with_file(...)` where the result is a lossy file of its own kind, which detectors that read files get.
        """


class Recipe(ABC):
    """How a model is trained: its options, networks, losses and pictures.  The loop is the engine's.

    A model that trains has `recipe.py` with `class Recipe` beside its adapter.  `Config` holds the recipe's own
    options (a frozen msgspec Struct with defaults, unknown names refused); `presets` gives named sets of them.
    A batch is a mapping of tensors, the collated `example`s, on the training's device.
    """

    Config: ClassVar[type[msgspec.Struct]]
    watch: tuple[str, str]
    """The figure of `validate` by which the best step is known, and whether it is to be "min" or "max"."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    sizes: ClassVar[Input] = Input()
    """The sides (in pixels) that its examples may have, stated as in a card."""
    of_examples: ClassVar[frozenset[str]] = frozenset()
    """Those of its options that only say how `example` makes examples of photos and holes."""

    def __init__(self, card: Card, config: Any) -> None:
        self.card = card
        self.config = config

    def example(self, photo: np.ndarray, hole: np.ndarray, rng: np.random.Generator) -> dict[str, Tensor]:
        """Make one training example; runs in the loader's workers, so it may be slow but must be pure.

        photo: uint8 H x W x 3, hole: bool H x W, both cropped and augmented by the engine; `rng` depends on the seed
        and the example's number alone.  The default: photo (float32 3 x H x W in [0, 1]) and mask (1 x H x W).
        """
        import torch

        return {
            "photo": torch.from_numpy(photo.copy()).permute(2, 0, 1).float() / 255,
            "mask": torch.from_numpy(hole.copy())[None].float(),
        }

    def picture_example(self, picture: np.ndarray, filled: np.ndarray) -> dict[str, Tensor]:
        """Make one training example of a picture that an inpainter has made: of recipes of detectors (`adapt`).

        picture: uint8 H x W x 3; filled: bool H x W, empty for an untouched photo.  What it returns is as `example`'s.
        Raises TypeError for a recipe that learns otherwise.
        """
        raise TypeError(f"{self.card.name} learns from photos and holes, not from pictures that are made")

    @classmethod
    def options_of(cls, product: Mapping[str, Any]) -> dict[str, Any]:
        """The options (a width, say) that networks need so that `start` can put `product` into them."""
        del product
        return {}

    @abstractmethod
    def build(self) -> dict[str, nn.Module]:
        """The networks by name, freshly initialised; the engine has seeded torch's generator before."""

    def start(self, networks: Mapping[str, nn.Module], product: Mapping[str, Tensor], name: str) -> None:
        """Put the product of another training into fresh networks (`--init`).

        Raises WeightsError, which calls the file `name`, where it does not fit.
        """
        raise WeightsError(f"{name}: {self.card.name} cannot begin from a product; name a training's checkpoint.pt")

    @abstractmethod
    def optimisers(self, networks: Mapping[str, nn.Module]) -> dict[str, torch.optim.Optimizer]:
        """The optimisers by name."""

    def prepare(self, device: torch.device) -> None:  # noqa: B027  (most recipes need nothing)
        """Load what is used and not trained (a perceptual network, say); called once, before the first step."""

    @abstractmethod
    def step(
        self,
        networks: Mapping[str, nn.Module],
        batch: Mapping[str, Tensor],
        update: Callable[[str, Tensor], None],
    ) -> dict[str, Tensor]:
        """One training step; networks are in training mode and are called by `networks[name](...)` alone.

        `update(name, loss)` clears the gradients of optimiser `name`, back-propagates the loss (scaled, reduced over
        processes and in the training's precision by the engine) and makes the optimiser's step.  Returns the figures
        to log, detached scalars; a loss that is not finite stops the training.
        """

    @abstractmethod
    def validate(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Figures of a held-out batch, B values each, by name; networks are in evaluation mode, without gradients."""

    @abstractmethod
    def preview(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Pictures of a held-out batch in the order of the grid's columns: name to float32 B x 3 x H x W in [0, 1]."""

    @abstractmethod
    def product(self, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """The state dict that the model's adapter loads: what training is for."""
