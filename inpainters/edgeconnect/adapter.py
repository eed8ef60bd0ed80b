"""EdgeConnect as an inpainter: Canny edges, edge generator, inpainting generator."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from safebench.models.contracts import Inpainter
from safebench.models.toolbox.classical import to_images
from safebench.weights.read.checkpoints import fit, load_state, part

from .._edges import grey_and_edges
from .network import EdgeGenerator, Generator, InpaintingGenerator


class Adapter(Inpainter):
    """Both generators in a row, as in the authors' test script.

    The edge generator's picture is handed on as it is; the known edges are not put back into it.
    """

    def load(self, weights: Path | None, device: torch.device) -> None:
        """`weights` is the folder that holds EdgeModel_gen.pth and InpaintingModel_gen.pth."""
        super().load(weights, device)
        self._edges = EdgeGenerator()
        self._paint = InpaintingGenerator()
        _fill(self._edges, weights, "EdgeModel_gen.pth")
        _fill(self._paint, weights, "InpaintingModel_gen.pth")
        self._edges.divide()
        self._edges.to(device).eval()
        self._paint.to(device).eval()

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        grey, known_edges = grey_and_edges(to_images(images), masks)
        edges = self._edges(torch.cat([grey + masks, known_edges, masks], dim=1))
        white_hole = images * (1 - masks) + masks
        painted: Tensor = self._paint(torch.cat([white_hole, edges], dim=1))
        return painted


def _fill(network: Generator, folder: Path | None, file: str) -> None:
    path = folder / file if folder else None
    fit(network, part(load_state(path), "generator", str(path)), str(path))
