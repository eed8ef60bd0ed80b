"""SafePaint as an inpainter."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.models.contracts import Inpainter
from safebench.models.toolbox.padding import pad_symmetric
from safebench.weights.read.checkpoints import fit, load_config, load_state, part

from .generator import MULTIPLE, Generator
from .layers import draw_noise
from .options import PRESETS, SafePaintConfig, build_generator, fit_product

SMALLEST = 64
"""Pixels a side; the extractor's five strides leave nothing of less."""


class Adapter(Inpainter):
    """The refined picture of whatever a checkpoint holds: one trained here, which names its config, or the authors'."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; raises WeightsError where neither layout fits."""
        super().load(weights, device)
        self.network = _generator(weights).to(device).eval()

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        height, width = images.shape[-2:]
        seen, holes = (pad_symmetric(x, MULTIPLE, SMALLEST) for x in (images, masks))
        refined: Tensor = self.network(seen, holes, draw_noise(seen, self.seed)).refined
        return refined[..., :height, :width].clamp(0, 1)


def _generator(weights: Path | None) -> Generator:
    state = load_state(weights)
    config = load_config(weights, SafePaintConfig, "SafePaint")
    if config is None:
        network = build_generator(SafePaintConfig(**PRESETS["authors"]))
        fit(network, part(state, "generator", str(weights)), str(weights))
        return network
    network = build_generator(config)
    fit_product(network, state, str(weights))
    return network
