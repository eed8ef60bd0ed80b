"""What recipes of inpainters share: composites, their quality, a network that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from safebench.metrics.l1 import l1
from safebench.metrics.perceptual import Perceptual
from safebench.metrics.psnr import psnr

from ._rwsa import RWSA


def quality(composites: Tensor, photos: Tensor, lpips: Perceptual) -> dict[str, Tensor]:
    """PSNR in dB, LPIPS and L1 of composites in 8 bit, B values each; both float B x 3 x H x W in [0, 1]."""
    painted, wanted = _bytes(composites), _bytes(photos)
    differences = painted.astype(np.int64) - wanted
    return {
        "psnr": torch.tensor([psnr(difference) for difference in differences]),
        "lpips": torch.from_numpy(lpips(painted, wanted)),
        "l1": torch.tensor([l1(difference) for difference in differences]),
    }


def initialise(network: nn.Module) -> None:
    """Convolutions from a normal of 0.02, also under spectral norm, without bias, as many GANs begin; RWSA as it is."""
    for child in network.children():
        if isinstance(child, RWSA):
            continue
        if isinstance(child, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(getattr(child, "weight_orig", child.weight), 0.0, 0.02)
            if child.bias is not None:
                nn.init.zeros_(child.bias)
        initialise(child)


@contextmanager
def frozen(network: nn.Module) -> Iterator[nn.Module]:
    """The network without gradients for its own weights; out of a distributed wrapper, which would wait for them."""
    inner: nn.Module = getattr(network, "module", network)
    inner.requires_grad_(False)
    try:
        yield inner
    finally:
        inner.requires_grad_(True)


def composite(painted: Tensor, photos: Tensor, masks: Tensor) -> Tensor:
    """The photos with what was painted, cut to [0, 1], in their holes."""
    return photos * (1 - masks) + painted.clamp(0, 1) * masks


def _bytes(images: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """float B x 3 x H x W in [0, 1] to uint8 B x H x W x 3."""
    return (images.float() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
