"""SegFormer's Mix Transformer MiT-B2 (Xie et al., 2021), in parts named as in published state dicts."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from ._tokens import Size, heads_apart, heads_together, to_map, to_tokens

WIDTHS = (64, 128, 320, 512)
DEPTHS = (3, 4, 6, 3)
HEADS = (1, 2, 5, 8)
REDUCTIONS = (8, 4, 2, 1)
"""By how much each stage's keys and values are thinned out, a side."""
PATCHES = ((7, 4), (3, 2), (3, 2), (3, 2))
"""Side and stride of each stage's patches."""
BLOCK_EPS = 1e-6


class PatchEmbedding(nn.Module):
    """Overlapping patches to tokens."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, kernel, stride=stride, padding=kernel // 2)
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> tuple[Tensor, Size]:
        """B x C x H x W to tokens, B x (h * w) x width, and (h, w)."""
        x = self.proj(x)
        return self.norm(to_tokens(x)), (x.shape[2], x.shape[3])


class Attention(nn.Module):
    """Self-attention whose keys and values come from a thinned-out map; a remainder at its edge is dropped."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        self.thinned = reduction > 1
        if self.thinned:
            self.sr = nn.Conv2d(width, width, reduction, stride=reduction)
            self.norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """B x (h * w) x width to the same."""
        few = self.norm(to_tokens(self.sr(to_map(x, size)))) if self.thinned else x
        query, key, value = (heads_apart(t, self.heads) for t in (self.q(x), *self.kv(few).chunk(2, dim=-1)))
        attended = scaled_dot_product_attention(query, key, value)
        projected: Tensor = self.proj(heads_together(attended))
        return projected


class Depthwise(nn.Module):
    """A 3x3 convolution for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, 3, padding=1, groups=width)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """B x (h * w) x width to the same."""
        return to_tokens(self.dwconv(to_map(x, size)))


class FeedForward(nn.Module):
    """Two linear layers with a depthwise convolution between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.dwconv = Depthwise(4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """B x (h * w) x width to the same."""
        mixed: Tensor = self.fc2(gelu(self.dwconv(self.fc1(x), size)))
        return mixed


class Block(nn.Module):
    """Attention and feed-forward, each behind a layer norm and beside the identity."""

    def __init__(self, width: int, heads: int, reduction: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.attn = Attention(width, heads, reduction)
        self.norm2 = nn.LayerNorm(width, eps=BLOCK_EPS)
        self.mlp = FeedForward(width)

    def forward(self, x: Tensor, size: Size) -> Tensor:
        """B x (h * w) x width to the same."""
        x = x + self.attn(self.norm1(x), size)
        mixed: Tensor = x + self.mlp(self.norm2(x), size)
        return mixed


def stage_channels(stage: int) -> int:
    """What a stage, from 0 on, is given: the picture's three colours, or what the stage before it gives."""
    return WIDTHS[stage - 1] if stage else 3


def stage_blocks(stage: int) -> nn.ModuleList:
    """The blocks of a stage, from 0 on."""
    return nn.ModuleList(Block(WIDTHS[stage], HEADS[stage], REDUCTIONS[stage]) for _ in range(DEPTHS[stage]))
