"""Between maps and tokens, and between heads of attention.  A map that lies channels last is not copied."""

from __future__ import annotations

from torch import Tensor

Size = tuple[int, int]


def to_tokens(x: Tensor) -> Tensor:
    """B x C x h x w to B x (h * w) x C."""
    return x.flatten(2).transpose(1, 2)


def to_map(x: Tensor, size: Size) -> Tensor:
    """B x (h * w) x C to B x C x h x w."""
    return x.transpose(1, 2).reshape(x.shape[0], -1, *size)


def heads_apart(x: Tensor, heads: int) -> Tensor:
    """B x N x C to B x heads x N x (C / heads)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)


def heads_together(x: Tensor) -> Tensor:
    """B x heads x N x c to B x N x (heads * c)."""
    return x.transpose(1, 2).flatten(2)
