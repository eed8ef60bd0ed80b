"""What an inpainter, a detector and a report have to be.

Images are float32, B x 3 x H x W, RGB in [0, 1]; masks are float32, B x 1 x H x W, 1 = hole, 0 = known.
`safebench.testing` holds the suites that check these contracts on any model.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safebench.cards import Card

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from safebench.results import Results


class Model(ABC):
    """What inpainters and detectors have in common: a card, a variant, a seed and a device.

    `variant` is what follows the colon of `NAME:VARIANT`; `seed` reaches every random draw of the model,
    and is drawn from anew for each image, so that a batch equals single calls.
    """

    def __init__(self, card: Card, *, variant: str = "", seed: int = 0) -> None:
        self.card = card
        self.variant = variant
        self.seed = seed

    def load(self, weights: Path | None, device: torch.device) -> None:
        """Load the checkpoint (None for a model that has none) and move to `device`.

        Called once, before the first image.  Raises WeightsError where the checkpoint does not fit.
        """
        self.device = device


class Inpainter(Model):
    """Fills holes."""

    @abstractmethod
    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """Fill the holes of a batch.

        images: float32 B x 3 x H x W in [0, 1], the hole's pixels blanked (0); masks: float32 B x 1 x H x W,
        1 = hole.  Both lie on the device given to `load`.  Returns float32 B x 3 x H x W in [0, 1]: the whole
        picture; the engine puts the known pixels back.  An image's result depends on that image alone.
        """


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


class Form(ABC):
    """A form of report: turns the tables of finished runs into files."""

    def __init__(self, card: Card) -> None:
        self.card = card

    @abstractmethod
    def write(self, results: Sequence[Results], out: Path) -> Path:
        """Write the report of one or more runs into the folder `out`; returns the file to open first."""
