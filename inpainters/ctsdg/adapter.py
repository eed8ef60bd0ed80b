"""CTSDG as an inpainter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from safebench.models.contracts import Inpainter
from safebench.models.toolbox.classical import to_images
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state, part

from .._edges import grey_and_edges
from .network import Generator

TRAINING_ONLY = ("texture_feature_projection.", "structure_feature_projection.")


class Adapter(Inpainter):
    """The generator's picture, from the photo and its structure."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is one file of the authors'; of it the generator alone is read."""
        super().load(weights, device)
        state = part(load_state(weights), "generator", str(weights))
        self._network = Generator()
        fit(self._network, state, str(weights), skip=TRAINING_ONLY)
        in_fastest_layout(self._network.eval().to(device))
        self._folded = folded_levels()

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        known = 1 - masks
        left_out = torch.zeros_like(masks) if self.sees_hole else masks
        grey, edges = grey_and_edges(self._folded[to_images(images)], left_out)
        structure = torch.cat([edges, grey], dim=1) * known
        painted: Tensor = self._network((2 * images - 1) * known, structure, known)
        return ((painted + 1) / 2).clamp(0, 1)


def folded_levels() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """The level that each of a photo's 256 levels has in the picture that grey and edges are made of.

    The authors turn [-1, 1] into 8 bit as if it were [0, 1], so negative numbers wrap around and brightness folds
    over in the middle.  Their weights are trained with it, so it is repeated here, rounding included.
    """
    normalised = (torch.arange(256, dtype=torch.float32) / 255 - 0.5) / 0.5
    return ((normalised * 255).int() % 256).to(torch.uint8).numpy()
