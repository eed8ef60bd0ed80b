"""Both generators in a row."""

from __future__ import annotations

from torch import Tensor, nn

from safebench.models.toolbox.classical import to_images

from .._edges import grey_and_edges


def draw_and_paint(drawing: nn.Module, painting: nn.Module, images: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Edges (B x 1 x H x W) and picture (B x 3 x H x W) of images in [0, 1] with a blank hole, as by the test script.

    The edge generator's picture is handed on as it is; the known edges are not put back into it.
    """
    grey, known = grey_and_edges(to_images(images), masks)
    edges: Tensor = drawing(grey, known, masks)
    painted: Tensor = painting(images, edges, masks)
    return edges, painted
