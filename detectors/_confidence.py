"""What a map and its confidence say of a whole picture (Guillaro et al., CVPR 2023)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


def pooled(map_: Tensor, confidence: Tensor) -> Tensor:
    """What the score is made of, B x 8: statistics of the confidence, and of the map weighted by it."""
    confidence = confidence.flatten(1)
    forged = (map_[:, 1] - map_[:, 0]).flatten(1)
    equal = torch.full_like(confidence, -math.log(confidence.shape[1]))
    weights = logsigmoid(confidence).log_softmax(dim=1)
    return torch.stack([*_statistics(confidence, equal), *_statistics(forged, weights)], dim=1)


def _statistics(x: Tensor, log_weights: Tensor) -> tuple[Tensor, ...]:
    """Soft minimum, soft maximum, mean and mean square over the last axis."""
    weights = log_weights.exp()
    lowest, highest = -(log_weights - x).logsumexp(dim=1), (log_weights + x).logsumexp(dim=1)
    return lowest, highest, (weights * x).sum(dim=1), (weights * x.square()).sum(dim=1)
