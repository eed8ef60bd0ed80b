"""How the two streams correct each other, and how they become one (CMX: Zhang et al., 2023).

Submodules are named as in the published state dict.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._tokens import Size, heads_apart, heads_together, to_map, to_tokens


class ChannelWeights(nn.Module):
    """A weight for each channel of both streams, from their means and maxima."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(4 * width, 4 * width), nn.ReLU(inplace=True), nn.Linear(4 * width, 2 * width), nn.Sigmoid()
        )

    def forward(self, both: Tensor) -> Tensor:
        """B x 2C x h x w to 2 x B x C x 1 x 1."""
        weights: Tensor = self.mlp(torch.cat([both.mean(dim=(2, 3)), both.amax(dim=(2, 3))], dim=1))
        return weights.reshape(len(both), 2, -1, 1, 1).transpose(0, 1)


class SpatialWeights(nn.Module):
    """A weight for each position of both streams."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Conv2d(2 * width, width, 1), nn.ReLU(inplace=True), nn.Conv2d(width, 2, 1), nn.Sigmoid()
        )

    def forward(self, both: Tensor) -> Tensor:
        """B x 2C x h x w to 2 x B x 1 x h x w."""
        weights: Tensor = self.mlp(both)
        return weights.transpose(0, 1)[:, :, None]


class Rectify(nn.Module):
    """Each stream gets of the other what its weights let through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.channel_weights = ChannelWeights(width)
        self.spatial_weights = SpatialWeights(width)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Both B x C x h x w, to the same; what flows into the first is weighed by the second's weights."""
        both = torch.cat([first, second], dim=1)
        of_first, of_second = 0.5 * (self.channel_weights(both) + self.spatial_weights(both))
        return first + of_second * second, second + of_first * first


class CrossAttention(nn.Module):
    """Each stream's queries meet the other's context, a C x C matrix for each head (linear attention)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.kv1 = nn.Linear(width, 2 * width, bias=False)
        self.kv2 = nn.Linear(width, 2 * width, bias=False)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Both B x N x C, to the same."""
        contexts = self._context(self.kv2(second)), self._context(self.kv1(first))
        queries = heads_apart(first, self.heads), heads_apart(second, self.heads)
        attended = [heads_together(q @ context) for q, context in zip(queries, contexts, strict=True)]
        return attended[0], attended[1]

    def _context(self, keys_values: Tensor) -> Tensor:
        key, value = (heads_apart(t, self.heads) for t in keys_values.chunk(2, dim=-1))
        return (key.transpose(2, 3) @ value * key.shape[-1] ** -0.5).softmax(dim=-2)


class CrossPath(nn.Module):
    """Half of each stream's projection passes, half goes through the cross attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.channel_proj1 = nn.Linear(width, 2 * width)
        self.channel_proj2 = nn.Linear(width, 2 * width)
        self.cross_attn = CrossAttention(width, heads)
        self.end_proj1 = nn.Linear(2 * width, width)
        self.end_proj2 = nn.Linear(2 * width, width)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Both B x N x C, to the same."""
        passed1, asked1 = self.channel_proj1(first).relu_().chunk(2, dim=-1)
        passed2, asked2 = self.channel_proj2(second).relu_().chunk(2, dim=-1)
        attended1, attended2 = self.cross_attn(asked1, asked2)
        ended1 = self.end_proj1(torch.cat([passed1, attended1], dim=-1))
        ended2 = self.end_proj2(torch.cat([passed2, attended2], dim=-1))
        return self.norm1(first + ended1), self.norm2(second + ended2)


class ChannelEmbedding(nn.Module):
    """From both streams' channels to one's."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual = nn.Conv2d(2 * width, width, 1, bias=False)
        self.channel_embed = nn.Sequential(
            nn.Conv2d(2 * width, width, 1),
            nn.Conv2d(width, width, 3, padding=1, groups=width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 1),
            nn.BatchNorm2d(width),
        )
        self.norm = nn.BatchNorm2d(width)

    def forward(self, both: Tensor) -> Tensor:
        """B x 2C x h x w to B x C x h x w."""
        embedded: Tensor = self.norm(self.residual(both) + self.channel_embed(both))
        return embedded


class Fuse(nn.Module):
    """Both streams to one map."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.cross = CrossPath(width, heads)
        self.channel_emb = ChannelEmbedding(width)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Both B x C x h x w, to the same."""
        size: Size = (first.shape[2], first.shape[3])
        crossed = self.cross(to_tokens(first), to_tokens(second))
        fused: Tensor = self.channel_emb(to_map(torch.cat(crossed, dim=-1), size))
        return fused
