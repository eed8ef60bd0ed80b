"""SparseViT: convolutions, then attention among patches that lie apart, dense again in the end (Su et al., AAAI 2025).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention

from .._mix_transformer import FeedForward
from .._tokens import heads_apart, heads_together, to_map, to_tokens

WIDTHS = (64, 128, 320, 512)
DEPTHS = (5, 8, 20, 7)
PATCHES = (4, 2, 2, 2)
HEAD = 64
"""Channels of each head of attention."""
STRIDES = ((8, 4, 2, 1), (2, 1))
"""How far apart the patches lie that attend to each other, in each part of the third and of the fourth stage."""
PARTS = (5, 4)
"""Blocks of each such part."""
FUSED = 512
EPS = 1e-6
NOT_USED = (
    "encoder_net.norm1.",
    "encoder_net.norm2.",
    *(f"encoder_net.blocks{stage}.{block}.pos_embed." for stage in (3, 4) for block in range(DEPTHS[stage - 1])),
)
"""What the published file holds and the authors' code does not compute with."""


class PatchEmbedding(nn.Module):
    """Patches without overlap, normed over their channels."""

    def __init__(self, stage: int) -> None:
        super().__init__()
        channels, patch = WIDTHS[stage - 1] if stage else 3, PATCHES[stage]
        self.proj = nn.Conv2d(channels, WIDTHS[stage], patch, stride=patch)
        self.norm = nn.LayerNorm(WIDTHS[stage])

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to B x width x H/patch x W/patch."""
        x = self.proj(x)
        return to_map(self.norm(to_tokens(x)), (x.shape[2], x.shape[3]))


class ConvBlock(nn.Module):
    """Convolutions in the places of attention and feed-forward."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pos_embed = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm1, self.norm2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.conv1, self.conv2 = nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 1)
        self.attn = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.mlp = nn.ModuleDict({"fc1": nn.Conv2d(width, 4 * width, 1), "fc2": nn.Conv2d(4 * width, width, 1)})

    def forward(self, x: Tensor) -> Tensor:
        """B x width x h x w to the same."""
        x = x + self.pos_embed(x)
        x = x + self.conv2(self.attn(self.conv1(self.norm1(x))))
        mixed: Tensor = x + self.mlp["fc2"](nn.functional.gelu(self.mlp["fc1"](self.norm2(x))))
        return mixed


class Attention(nn.Module):
    """Self-attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """B x N x width to the same."""
        query, key, value = (heads_apart(t, self.heads) for t in self.qkv(x).chunk(3, dim=-1))
        projected: Tensor = self.proj(heads_together(scaled_dot_product_attention(query, key, value)))
        return projected


class SparseBlock(nn.Module):
    """Attention among the patches of every `stride`th row and column, then feed-forward; both scaled by channel."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=EPS), nn.LayerNorm(width, eps=EPS)
        self.attn, self.mlp = Attention(width), FeedForward(width)
        self.gamma_1, self.gamma_2 = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """B x width x h x w to the same; h and w are multiples of the stride."""
        tokens = to_tokens(x)
        size = (x.shape[2], x.shape[3])
        tokens = tokens + self.gamma_1 * to_tokens(self._attended(x))
        tokens = tokens + self.gamma_2 * self.mlp(self.norm2(tokens), size)
        return to_map(tokens, size)

    def _attended(self, x: Tensor) -> Tensor:
        batch, width, height, length = x.shape
        step = self.stride
        apart = x.view(batch, width, height // step, step, length // step, step).permute(0, 3, 5, 2, 4, 1)
        attended = self.attn(self.norm1(apart.reshape(batch * step**2, -1, width))).view(apart.shape)
        return attended.permute(0, 5, 3, 1, 4, 2).reshape(x.shape)


class Encoder(nn.Module):
    """Four stages; of the third and fourth what each part gives is handed out."""

    def __init__(self) -> None:
        super().__init__()
        embeddings = (PatchEmbedding(stage) for stage in range(len(WIDTHS)))
        self.patch_embed1, self.patch_embed2, self.patch_embed3, self.patch_embed4 = embeddings
        self.blocks1, self.blocks2 = (
            nn.Sequential(*(ConvBlock(WIDTHS[stage]) for _ in range(DEPTHS[stage]))) for stage in (0, 1)
        )
        self.blocks3, self.blocks4 = (
            nn.ModuleList(
                SparseBlock(WIDTHS[stage], STRIDES[stage - 2][block // PARTS[stage - 2]])
                for block in range(DEPTHS[stage])
            )
            for stage in (2, 3)
        )
        self.norm3, self.norm4 = nn.LayerNorm(WIDTHS[2], eps=EPS), nn.LayerNorm(WIDTHS[3], eps=EPS)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """B x 3 x H x W to four maps of 320 channels at 1/16 and two of 512 at 1/32 of the size."""
        x = self.blocks1(self.patch_embed1(pictures))
        x = self.blocks2(self.patch_embed2(x))
        third = _parts(self.blocks3, self.patch_embed3(x), PARTS[0])
        fourth = _parts(self.blocks4, self.patch_embed4(third[-1]), PARTS[1])
        return [*third[:-1], _normed(self.norm3, third[-1]), *fourth[:-1], _normed(self.norm4, fourth[-1])]


class Head(nn.Module):
    """All maps at the finer size, weighed by channel, summed, and read off."""

    def __init__(self) -> None:
        super().__init__()
        for number in range(1, 5):
            self.add_module(f"conv_layer{number}", nn.Conv2d(WIDTHS[2], FUSED, 1))
        for number in range(1, 7):
            self.register_parameter(f"gamma{number}", nn.Parameter(torch.ones(FUSED)))
        self.norm = nn.LayerNorm(FUSED, eps=EPS)
        self.conv_last = nn.Conv2d(FUSED, 1, 1)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """The encoder's six maps to logits, B x 1 x h x w."""
        size = maps[0].shape[2:]
        total = torch.zeros(())
        for number, x in enumerate(maps, start=1):
            wide = self.get_submodule(f"conv_layer{number}")(x) if x.shape[1] == WIDTHS[2] else resize(x, size)
            total = total.to(wide) + self.get_parameter(f"gamma{number}").view(-1, 1, 1) * wide
        logits: Tensor = self.conv_last(_normed(self.norm, total))
        return logits


class SparseViT(nn.Module):
    """Pictures to logits at a sixteenth of the size; sides are multiples of 128."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder_net = Encoder()
        self.lmu = Head()

    def forward(self, pictures: Tensor) -> Tensor:
        """Normalised, B x 3 x H x W, to B x 1 x H/16 x W/16."""
        logits: Tensor = self.lmu(self.encoder_net(pictures))
        return logits


def resize(x: Tensor, size: tuple[int, ...]) -> Tensor:
    """Bilinear, as everywhere in SparseViT."""
    return interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def _parts(blocks: nn.ModuleList, x: Tensor, length: int) -> list[Tensor]:
    """What each `length` blocks give, and what the last one does."""
    given = []
    for number, block in enumerate(blocks, start=1):
        x = block(x)
        if number % length == 0 or number == len(blocks):
            given.append(x)
    return given


def _normed(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    return to_map(norm(to_tokens(x)), (x.shape[2], x.shape[3]))
