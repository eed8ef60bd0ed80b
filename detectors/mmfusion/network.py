"""MMFusion with early fusion: colours and three residuals to a map, its confidence and a score (MMM 2024).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, linear

from .._cmx import Fuse, Rectify
from .._confidence import pooled
from .._mix_transformer import HEADS, PATCHES, WIDTHS, PatchEmbedding, stage_blocks, stage_channels
from .._tokens import to_map, to_tokens
from .residuals import Mixer

DECODED = 512
EPS = 1e-3
"""Of all layer and batch norms but those behind the residuals' patches."""
PATCH_EPS = 1e-6


class Answer(NamedTuple):
    """All at the picture's size, before softmax and sigmoids."""

    map: Tensor
    """Logits, B x 2 x H x W: pristine, forged."""
    confidence: Tensor
    """Logit, B x 1 x H x W."""
    score: Tensor
    """Logit, B."""


class ResidualPatches(nn.ModuleDict):
    """Overlapping patches of the mixed residual, normed over their channels."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int) -> None:
        proj = nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2)
        norm = nn.LayerNorm(width, eps=PATCH_EPS)
        super().__init__({"proj": nn.ModuleDict({"module": proj}), "norm": nn.ModuleDict({"ln_0": norm})})

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x width x h x w."""
        patches = self["proj"]["module"](x)  # type: ignore[index]
        return to_map(self["norm"]["ln_0"](to_tokens(patches)), patches.shape[2:])  # type: ignore[index]


class Encoder(nn.ModuleDict):
    """Colours and mixed residual through four stages; after each they rectify each other and are fused."""

    def __init__(self) -> None:
        parts: dict[str, nn.Module] = {"modal_mix": Mixer()}
        residual_patches = []
        for stage, width in enumerate(WIDTHS):
            shape = (stage_channels(stage), width, *PATCHES[stage])
            parts[f"patch_embed{stage + 1}"] = PatchEmbedding(*shape)
            residual_patches.append(ResidualPatches(*shape))
            for stream in ("", "extra_"):
                parts[f"{stream}block{stage + 1}"] = stage_blocks(stage)
                parts[f"{stream}norm{stage + 1}"] = nn.LayerNorm(width)
        parts["extra_downsample_layers"] = nn.ModuleList(residual_patches)
        parts["FRMs"] = nn.ModuleList(Rectify(width) for width in WIDTHS)
        parts["FFMs"] = nn.ModuleList(Fuse(*stage) for stage in zip(WIDTHS, HEADS, strict=True))
        super().__init__(parts)

    def forward(self, colours: Tensor, residuals: Tensor) -> list[Tensor]:
        """B x 3 and B x 9 x H x W, to the fused maps of the stages, at 1/4, 1/8, 1/16 and 1/32 of the size."""
        residual, fused = self["modal_mix"](residuals), []
        for stage in range(len(WIDTHS)):
            tokens, size = self[f"patch_embed{stage + 1}"](colours)
            patches = self["extra_downsample_layers"][stage](residual)  # type: ignore[index]
            colours = self._stage(f"block{stage + 1}", f"norm{stage + 1}", tokens, size)
            seen = self._stage(f"extra_block{stage + 1}", f"extra_norm{stage + 1}", to_tokens(patches), size)
            colours, seen = self["FRMs"][stage](colours, seen)  # type: ignore[index]
            fused.append(self["FFMs"][stage](colours, seen))  # type: ignore[index]
            # the authors' code reads the patches' numbers as if channels came last; its weights learned with that
            misread = patches.reshape(len(patches), *size, -1).permute(0, 3, 1, 2)
            residual = misread + seen
        return fused

    def _stage(self, blocks: str, norm: str, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        for block in self[blocks]:  # type: ignore[attr-defined]
            tokens = block(tokens, size)
        return to_map(self[norm](tokens), size)


class Decoder(nn.Module):
    """All scales brought to the finest one, mixed, and read off."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        for number, width in enumerate(WIDTHS, start=1):
            self.add_module(f"linear_c{number}", nn.ModuleDict({"proj": nn.Linear(width, DECODED)}))
        conv, norm = nn.Conv2d(4 * DECODED, DECODED, 1, bias=False), nn.BatchNorm2d(DECODED)
        self.linear_fuse = nn.ModuleDict({"conv": conv, "bn": norm})
        self.linear_pred = nn.Conv2d(DECODED, outputs, 1)

    def forward(self, fused: list[Tensor]) -> Tensor:
        """The encoder's four maps to B x outputs x h x w at the finest one's size.

        The mixing convolution takes the scales side by side, the coarsest first; it is done on each scale before that
        is brought to the finest size, and is one matrix with the linear layer before it.
        """
        mixing = self.get_parameter("linear_fuse.conv.weight").flatten(1)
        total: Tensor | None = None
        for number, (x, share) in enumerate(zip(fused, mixing.chunk(len(fused), dim=1)[::-1], strict=True), start=1):
            weight, bias = (self.get_parameter(f"linear_c{number}.proj.{name}") for name in ("weight", "bias"))
            tokens = linear(to_tokens(x), share @ weight, share @ bias)
            part = resize(to_map(tokens, (x.shape[2], x.shape[3])), fused[0].shape[2:])
            total = part if total is None else total + part
        logits: Tensor = self.linear_pred(self.linear_fuse["bn"](total).relu_())
        return logits


class MMFusion(nn.Module):
    """The whole network behind the residuals."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Encoder()
        self.decode_head = Decoder(outputs=2)
        self.conf_head = Decoder(outputs=1)
        self.detection = nn.Sequential(nn.Linear(8, 128), nn.ReLU(inplace=True), nn.Identity(), nn.Linear(128, 1))
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1), persistent=False)
        for name, layer in self.named_modules():
            if isinstance(layer, nn.LayerNorm | nn.BatchNorm2d) and "extra_downsample_layers" not in name:
                layer.eps = EPS

    def forward(self, pictures: Tensor, residuals: Tensor) -> Answer:
        """Pictures over 256, B x 3 x H x W, and their residuals, B x 9 x H x W."""
        fused = self.backbone((pictures - self.mean) / self.std, residuals)
        map_, confidence = (resize(head(fused), pictures.shape[2:]) for head in (self.decode_head, self.conf_head))
        return Answer(map_, confidence, self.detection(pooled(map_, confidence))[:, 0])


def resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Bilinear, as everywhere in MMFusion."""
    return interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
