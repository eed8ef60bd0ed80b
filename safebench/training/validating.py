"""Figures and pictures of the held-out photos."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from safebench.models.contracts import Recipe

_PREVIEWED = 6


def validate(
    recipe: Recipe,
    networks: Mapping[str, nn.Module],
    held_out: Dataset[dict[str, Tensor]],
    batch_size: int,
    device: torch.device,
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """The means of the recipe's figures over all held-out photos, and the preview of the first few.

    An example that has no such figure (NaN) is left out of its mean; a mean of none is NaN.
    """
    evaluated = {name: network.eval() for name, network in networks.items()}
    gathered: dict[str, list[np.ndarray[Any, Any]]] = {}
    columns: list[dict[str, Tensor]] = []
    with torch.no_grad():
        for batch in DataLoader(held_out, batch_size=batch_size):
            on_device = {name: part.to(device) for name, part in batch.items()}
            for name, values in recipe.validate(evaluated, on_device).items():
                gathered.setdefault(name, []).append(values.double().cpu().numpy())
            if len(columns) * batch_size < _PREVIEWED:
                columns.append({name: part.cpu() for name, part in recipe.preview(evaluated, on_device).items()})
    figures = {name: _mean(np.concatenate(parts)) for name, parts in gathered.items()}
    return figures, {name: torch.cat([c[name] for c in columns])[:_PREVIEWED] for name in columns[0]}


def _mean(values: np.ndarray[Any, Any]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan
