"""Latent diffusion for inpainting (Rombach et al., CVPR 2022): noise becomes a latent that fits the known pixels."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .autoencoder import Autoencoder
from .unet import UNet

NOISED = 1000
"""Steps of the diffusion that the network was trained on."""
MULTIPLE = 32
"""Of what the sides of a picture are multiples: a quarter of them is halved three times."""


class LatentDiffusion(nn.Module):
    """The two networks and the share of the picture that is left after each step; the keys are the checkpoint's.

    width, coder_width: channels of the U-Net's and of the autoencoder's first resolution; codes: entries of the table.
    """

    alphas_cumprod: Tensor

    def __init__(self, width: int, coder_width: int, codes: int) -> None:
        super().__init__()
        self.register_buffer("alphas_cumprod", torch.empty(NOISED))
        self.first_stage_model = Autoencoder(coder_width, codes)
        self.model = nn.ModuleDict({"diffusion_model": UNet(width)})

    def forward(self, picture: Tensor, mask: Tensor, steps: int, eta: float, draws: Iterator[Tensor]) -> Tensor:
        """The whole picture, 1 x 3 x H x W, nominally in [-1, 1] but not clipped.

        picture: 1 x 3 x H x W in [0, 1], blanked here to black in its hole; mask: 1 x 1 x H x W, 1 = hole; sides
        multiples of 32.  draws: standard normal numbers, 1 x 3 x H/4 x W/4 each: the first is where the way begins,
        and with eta above 0 one is added after each step.  Equation 12 of Song et al. (ICLR 2021), whose sigma is
        equation 16's.
        """
        seen = self.first_stage_model.encode(picture * (1 - mask) * 2 - 1)
        condition = torch.cat([seen, F.interpolate(mask, size=seen.shape[-2:]) * 2 - 1], dim=1)
        x = next(draws)
        for step, left, left_next in self.way(steps):
            noise = self.model["diffusion_model"](torch.cat([x, condition], dim=1), step)
            clean = (x - (1 - left) ** 0.5 * noise) / left**0.5
            sigma = eta * ((1 - left_next) / (1 - left) * (1 - left / left_next)) ** 0.5
            x = left_next**0.5 * clean + (1 - left_next - sigma**2) ** 0.5 * noise
            if eta:
                x = x + sigma * next(draws)
        picture_again: Tensor = self.first_stage_model.decode(x)
        return picture_again

    def way(self, steps: int) -> Iterator[tuple[int, float, float]]:
        """Each step of the diffusion that is looked at, the last first: its number, what of the picture is left there,
        and what is left at the next.

        As the authors choose them: every (1000 // steps)th, which is some more than `steps` where that is no divisor;
        a step after the last, at which theirs ends in an error (3 of them, say), is left out.
        """
        left = self.alphas_cumprod.tolist()
        chosen = [*range(1, NOISED, NOISED // steps)]
        for step, before in zip(reversed(chosen), [*reversed(chosen[:-1]), 0], strict=True):
            yield step, left[step], left[before]
