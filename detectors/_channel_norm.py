"""A layer norm of maps, over the channels of each pixel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import layer_norm


class ChannelNorm(nn.LayerNorm):
    """A layer norm over the channels of a map."""

    def forward(self, x: Tensor) -> Tensor:
        """B x C x h x w to the same."""
        last = layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)
        return last.permute(0, 3, 1, 2)
