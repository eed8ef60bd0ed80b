"""EdgeConnect as an inpainter: Canny edges, edge generator, inpainting generator."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import WeightsError
from safebench.models.contracts import Inpainter
from safebench.weights.read.checkpoints import fit, load_config, load_state, part

from .._rwsa import check_variant
from .network import EdgeGenerator, InpaintingGenerator
from .options import EdgeConnectConfig, build_generators
from .pipeline import draw_and_paint

FILES = {"edge_generator": "EdgeModel_gen.pth", "generator": "InpaintingModel_gen.pth"}
"""Where the authors keep the two."""


class Adapter(Inpainter):
    """Takes the folder with the authors' two files, and what is trained here: one file, which names its config."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`."""
        super().load(weights, device)
        networks = _opened(weights, self.variant)
        drawing, painting = (networks[name].to(device).eval() for name in FILES)
        assert isinstance(drawing, EdgeGenerator)  # noqa: S101  (so they are built)
        drawing.divide()
        self._edges, self._paint = drawing, painting

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        return draw_and_paint(self._edges, self._paint, images, masks)[1]


def _opened(weights: Path | None, variant: str) -> dict[str, EdgeGenerator | InpaintingGenerator]:
    if weights is None or weights.is_dir():
        networks = build_generators(EdgeConnectConfig())
        for name, file in FILES.items():
            path = weights / file if weights else None
            fit(networks[name], part(load_state(path), "generator", str(path)), str(path))
        return networks
    state = load_state(weights)
    config = load_config(weights, EdgeConnectConfig, "EdgeConnect") or EdgeConnectConfig()
    if config.stage == "edge":
        raise WeightsError(
            f"{weights}: its edge generator alone has learned, nothing that paints; train on from it: "
            f"safebench train edgeconnect --set stage=edge-inpaint --init {weights}"
        )
    check_variant(variant, config.attention, weights)
    networks = build_generators(config)
    for name in FILES:
        fit(networks[name], state, str(weights), prefix=f"{name}.")
    return networks
