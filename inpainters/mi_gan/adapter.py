"""MI-GAN behind SafeBench's interface: the authors' networks, and the pipeline that they publish as an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import WeightsError
from safebench.models.contracts import Inpainter
from safebench.models.toolbox.holes import spread_known
from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.read.checkpoints import fit, load_state

from .._square import check_size
from . import pipeline
from .network import Doubling, Generator


class Adapter(Inpainter):
    """Takes a published state dict for 256 or for 512 pixels, or the published pipeline (a file that ends in .onnx)."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`."""
        super().load(weights, device)
        self._fill: Callable[[Tensor, Tensor], Tensor]
        if weights is not None and weights.suffix == ".onnx":
            self.pipeline = pipeline.read(weights, device)
            self._fill = self._by_pipeline
        else:
            self.network = in_fastest_layout(_read_network(weights, self.card.name).to(device))
            self._fill = self._by_network

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`.

        Raises ModelError where the loaded network takes pictures of another size only, or the graph fails.
        """
        return self._fill(images, masks)

    def _by_network(self, images: Tensor, masks: Tensor) -> Tensor:
        name = self.card.name
        check_size(name, self.network.size, images, f"load the checkpoint for that size, or use {name}:pipeline")
        filled: Tensor = self.network(images * 2 - 1, masks)
        return ((filled + 1) / 2).clamp(0, 1)

    def _by_pipeline(self, images: Tensor, masks: Tensor) -> Tensor:
        # the graph scales the photo with its hole, and blends its rim with what the photo holds there
        seen = images if self.sees_hole else spread_known(images, masks)
        pictures = [self.pipeline.fill(seen[k : k + 1], masks[k : k + 1]) for k in range(len(images))]
        return torch.cat(pictures)


def _read_network(weights: Path | None, name: str) -> Generator:
    state = load_state(weights)
    network = Generator(512 if any(str(key).endswith("encoder.b512.conv1.conv1.weight") for key in state) else 256)
    fit(network, state, f"{name}: {weights}")
    for key, part in network.named_modules():
        if isinstance(part, Doubling) and part.misplaced():
            raise WeightsError(
                f"{name}: {weights}: {key}.filter_const is not the published one, by which pixels stand at even rows "
                "and columns; this network is computed in another way there"
            )
    return network.eval()
