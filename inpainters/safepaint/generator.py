"""The two generators: G1 completes the content, G2 refines it in the domain of the known region (equation 7)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from .._rwsa import RWSA, ChannelAttention
from .extractor import LENGTH, DomainExtractor
from .filling import fill_smoothly
from .layers import NOISE_CHANNELS, Grain, InstanceNorm, ResidualBlock, conv, encoder, initialise, up_conv
from .residuals import grain_level
from .texture import carry_texture

Design = Literal["paper", "authors", "safebench"]
"""`paper`: spectral norm in the generators; `authors`: none there, as released; `safebench`: see `Generator`."""
BLOCKS = 8
"""Residual blocks of each generator."""
MULTIPLE = 4
"""Both sides of the pictures have to be multiples of it."""
SMALLEST = 64
"""Pixels that a side has to have, since the extractor and the discriminator halve it often."""


class Painting(NamedTuple):
    """What the generators make of a batch; pictures B x 3 x H x W as painted, not yet composited; vectors B x 16.

    The vectors of variants without an extractor, and those that were not asked for, are None.
    """

    coarse: Tensor
    refined: Tensor
    background: Tensor | None = None
    """Z_b, of the known region."""
    original: Tensor | None = None
    """Z_gt, of what the hole hides."""
    painted: Tensor | None = None
    """Z_out, of what was painted."""


class CoarseGenerator(nn.Module):
    """G1: the picture with its hole filled by a first guess, and the mask, to a picture before the output's curve."""

    def __init__(self, channels: int, *, spectral: bool, smooth: bool) -> None:
        super().__init__()
        c = channels
        self.encoder = encoder(4, c, spectral=spectral)
        self.middle = nn.Sequential(*(ResidualBlock(4 * c, spectral=spectral) for _ in range(BLOCKS)))
        self.decoder = nn.Sequential(
            up_conv(4 * c, 2 * c, spectral=spectral, smooth=smooth),
            InstanceNorm(),
            nn.ReLU(inplace=True),
            up_conv(2 * c, c, spectral=spectral, smooth=smooth),
            InstanceNorm(),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(3),
            conv(c, 3, 7, spectral=spectral),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """inputs: B x 4 x H x W.  Returns B x 3 x H x W."""
        painted: Tensor = self.decoder(self.middle(self.encoder(inputs)))
        return painted


class FineGenerator(nn.Module):
    """G2: as G1, with RWSA before each of the decoder's three layers, and the domain vector.

    `spread`: channels of the domain map that the input carries.  `modulation`: length of the vector that modulates the
    residual blocks.  `ours`: whether noise is added before each of the decoder's layers, which then are smooth ones,
    and a share of the carried detail decided on.
    """

    def __init__(
        self, channels: int, *, spectral: bool, attention: bool, spread: int, modulation: int, ours: bool
    ) -> None:
        super().__init__()
        c = channels
        self.encoder = encoder(4 + spread, c, spectral=spectral)
        self.middle = nn.ModuleList(
            ResidualBlock(4 * c, spectral=spectral, modulation=modulation) for _ in range(BLOCKS)
        )
        self.att1, self.att2, self.att3 = (RWSA(n) if attention else None for n in (4 * c, 2 * c, c))
        self.deconv1 = up_conv(4 * c, 2 * c, spectral=spectral, smooth=ours)
        self.deconv2 = up_conv(2 * c, c, spectral=spectral, smooth=ours)
        self.norm = nn.Sequential(InstanceNorm(), nn.ReLU(inplace=True))
        self.grain1, self.grain2, self.grain3 = (Grain(n) if ours else None for n in (4 * c, 2 * c, c))
        self.pad = nn.ReflectionPad2d(3)
        self.deconv3 = conv(c, 3, 7, spectral=spectral)
        self.share = nn.Conv2d(c, 1, 3, padding=1, padding_mode="replicate") if ours else None

    def forward(
        self, inputs: Tensor, masks: Tensor, vector: Tensor | None, noise: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """inputs: B x (4 + spread) x H x W; masks: B x 1 x H x W, 1 = hole; vector: B x 16.

        Returns B x 3 x H x W before the output's curve, and the share of the carried detail that each place is to get,
        B x 1 x H x W in [0, 1].
        """
        features = self.encoder(inputs)
        for block in self.middle:
            features = block(features, vector)
        features = _with(self.grain1, _with(self.att1, features, masks), noise)
        features = self.norm(self.deconv1(features))
        features = _with(self.grain2, _with(self.att2, features, masks), noise)
        features = self.norm(self.deconv2(features))
        features = _with(self.att3, features, masks)
        share = None if self.share is None else self.share(features).sigmoid()
        painted: Tensor = self.deconv3(self.pad(_with(self.grain3, features, noise)))
        return painted, share


def _with(layer: nn.Module | None, features: Tensor, given: Tensor | None) -> Tensor:
    return features if layer is None else layer(features, given)


class Generator(nn.Module):
    """Both stages and the extractor, with the parts' names of the authors' checkpoints.

    `channels`: 64 (the paper's) or 32.  `attention`: RWSA or none.  `domain`: the domain extractor and V or neither.

    In the designs `paper` and `authors`, V is the domain vector spread over the picture as 16 constant channels of G2's
    input.  Behind the reflection-padded first convolution the instance norm subtracts every constant, so V cannot reach
    the picture.  Design `safebench` differs in six points:

    - the vector scales and shifts the features of G2's residual blocks behind their norm, where it acts;
    - the hole is not filled with white but with `fill_smoothly`, and both generators paint what has to be added;
    - what G1 paints gets a share of the detail of known places that look like it (`carry_texture`): G2 sees it with
      half of that, and decides for each place how much it is to have;
    - noise enters before each layer of G2's decoder: of a smooth hole, a convolution alone makes patterns, not grain;
      it is as strong as the grain around the hole (`grain_level`), which the norms would hide from the layers;
    - both decoders enlarge by interpolation, since transposed convolutions leave a grid;
    - no curve at the output, which would flatten near black and white what is added; pictures are cut to [0, 1].
    """

    def __init__(
        self, channels: int = 64, *, design: Design = "safebench", attention: bool = True, domain: bool = True
    ):
        super().__init__()
        self.ours = design == "safebench"
        spectral = design == "paper"
        self.coarse_generator = CoarseGenerator(channels, spectral=spectral, smooth=self.ours)
        self.fine_generator = FineGenerator(
            channels,
            spectral=spectral,
            attention=attention,
            spread=LENGTH if domain and not self.ours else 0,
            modulation=LENGTH if domain and self.ours else 0,
            ours=self.ours,
        )
        self.extractor = DomainExtractor(channels) if domain else None
        initialise(self)
        if self.ours:  # start at the first guess
            for last in (self.coarse_generator.decoder[-1], self.fine_generator.deconv3):
                nn.init.normal_(last.get_parameter("weight"), 0.0, 0.002)
            for module in self.modules():
                if isinstance(module, Grain):
                    module.reset_parameters()
                elif isinstance(module, ChannelAttention):  # else its few inner units may all be dead from the start
                    nn.init.constant_(module.fc[0].get_parameter("bias"), 1.0)

    def forward(
        self,
        images: Tensor,
        masks: Tensor,
        noise: Tensor | None = None,
        *,
        compare: bool = False,
        refine: bool = True,
    ) -> Painting:
        """Paint both stages; the first alone, in the place of both, without `refine`.

        images: float32 B x 3 x H x W in [0, 1], sides multiples of 4 and at least 64; masks: B x 1 x H x W, 1 = hole.
        noise: B x NOISE_CHANNELS x H x W, standard normal; drawn from torch's generator where it is needed and missing.
        `compare` adds the vectors of the hole's content before and after, for training alone: only then is what the
        hole hides looked at.
        """
        known = images * (1 - masks)
        start = fill_smoothly(images, masks) if self.ours else known + masks
        coarse = self._output(start, self.coarse_generator(torch.cat([start, masks], dim=1)))
        if not refine:
            return Painting(coarse, coarse)
        first = known + coarse * masks
        detail = carry_texture(images, masks, first) if self.ours else None

        background = None if self.extractor is None else self.extractor(images, 1 - masks)
        inputs = [first if detail is None else first + detail / 2, masks]
        if background is not None and not self.ours:
            inputs.append(background[:, :, None, None].expand(-1, -1, *images.shape[-2:]).to(first.dtype))
        if self.ours and noise is None:
            noise = torch.randn(len(images), NOISE_CHANNELS, *images.shape[-2:], device=images.device)
        if noise is not None and self.ours:
            noise = noise * grain_level(images, masks)
        painted, share = self.fine_generator(torch.cat(inputs, dim=1), masks, background, noise)
        if detail is not None and share is not None:
            first = first + share.float() * detail
        refined = self._output(first, painted)
        if self.extractor is None or not compare:
            return Painting(coarse, refined, background)
        second = known + refined * masks
        return Painting(coarse, refined, background, self.extractor(images, masks), self.extractor(second, masks))

    def _output(self, given: Tensor, painted: Tensor) -> Tensor:
        if not self.ours:
            return (torch.tanh(painted.float()) + 1) / 2
        added = given + painted.float()
        return added if self.training else added.clamp(0, 1)
