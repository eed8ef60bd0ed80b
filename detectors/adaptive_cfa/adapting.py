"""The network, trained on on the picture itself, so that it knows how this picture was demosaiced and compressed since.

The picture is cut into two sets of squares, as a chessboard is.  What is told of one set is told by a copy that was
trained on the other, so that no copy has learned a forged square by heart.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from safebench.models.toolbox.strips import by_strips

from .network import RADIUS, MosaicNetwork, block_evidence, losses

SQUARE = 32
"""Pixels of a square's side."""
BLOCKS = 1000
"""2x2 blocks of each set that its copy learns from, at most."""
STEPS = 20
RATE = 3e-3
"""Of Adam, as the original training's."""


def evidence(network: MosaicNetwork, images: Tensor, telling: NDArray[np.bool_], seed: int) -> NDArray[np.float32]:
    """`block_evidence` of one picture by its two copies of the network: 1 x 3 x H x W to 4 x H/2 x W/2.

    telling: bool H/2 x W/2, the blocks that may be learned from.
    """
    heads: list[nn.Module] = [network.pixelwise]
    before = _evidence(network, heads, images)[0]
    red = int(before[:, telling].mean(axis=1).argmax()) if telling.any() else 0
    rows, columns = np.indices(telling.shape) * 2 // SQUARE
    first = (rows + columns) % 2 == 0
    draws = np.random.default_rng(seed)
    heads = []
    for learned in (~first, first):
        blocks = _drawn(telling & learned, draws)
        heads.append(_trained(network, images, blocks, red) if len(blocks) else network.pixelwise)
    of_first, of_second = _evidence(network, heads, images)
    return np.where(first, of_first, of_second)


def _evidence(network: MosaicNetwork, heads: list[nn.Module], images: Tensor) -> list[NDArray[np.float32]]:
    """What each of the heads makes of a picture's features; large ones are taken by strips."""

    def layers(x: Tensor) -> list[Tensor]:
        features = network.features(x)
        return [head(features) for head in heads]

    logits = by_strips(layers, images, radius=RADIUS, strides=(1,) * len(heads))
    return [block_evidence(of_head)[0].float().cpu().numpy() for of_head in logits]


def _drawn(blocks: NDArray[np.bool_], draws: np.random.Generator) -> NDArray[np.intp]:
    """Some of the blocks, N x 2 rows and columns, none of them so near the border that a feature looks beyond it."""
    margin = RADIUS // 2
    inner = np.zeros_like(blocks)
    inner[margin:-margin, margin:-margin] = blocks[margin:-margin, margin:-margin]
    places = np.argwhere(inner)
    return places if len(places) <= BLOCKS else places[np.sort(draws.choice(len(places), BLOCKS, replace=False))]


def _trained(network: MosaicNetwork, images: Tensor, blocks: NDArray[np.intp], red: int) -> nn.Module:
    """The 1x1 convolutions, trained on on some blocks; the filters before them stay as they are.

    In float64 and on the processor, so that no machine's rounding, nor the number of threads, grows into another map.
    """
    with torch.inference_mode(False), torch.enable_grad(), torch.autocast("cpu", enabled=False):
        features = _features(network, images.clone(), blocks).double()
        head = copy.deepcopy(network.pixelwise).cpu().double().requires_grad_()
        optimiser = torch.optim.Adam(head.parameters(), lr=RATE)
        target = torch.tensor([red])
        for _ in range(STEPS):
            optimiser.zero_grad()
            torch.autograd.backward(torch.stack(losses(head(features), target)).sum())
            optimiser.step()
        return head.to(images.device, torch.float32).requires_grad_(False)


def _features(network: MosaicNetwork, images: Tensor, blocks: NDArray[np.intp]) -> Tensor:
    """What the spatial layers see of N 2x2 blocks, laid side by side: 1 x FEATURES x 2 x 2N, on the processor."""
    place = torch.from_numpy(2 * blocks - RADIUS).to(images.device)
    side = torch.arange(2 + 2 * RADIUS, device=images.device)
    rows, columns = place[:, :1] + side, place[:, 1:] + side
    patches = images[0][:, rows[:, :, None], columns[:, None, :]].transpose(0, 1)
    with torch.no_grad():
        seen = network.features(patches)[:, :, RADIUS : RADIUS + 2, RADIUS : RADIUS + 2]
        return seen.permute(1, 2, 0, 3).flatten(2)[None].cpu()
