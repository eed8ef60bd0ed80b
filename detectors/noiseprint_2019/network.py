"""Noiseprint's network of 2019, its 51 sets of weights, and which of them a JPEG file wants."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from safebench.weights.read.checkpoints import fit
from safebench.weights.read.tensorflow import load_bundle

from .._noiseprint_pp import LEVELS, WIDTH, NoiseprintPP

QUALITIES = range(51, 102)
"""Of JPEG files; 101 stands for what is no JPEG."""
NOT_USED = ("corr_alpha", "corr_beta", "global_step")
"""Of the training; they are in the published files too."""

# fmt: off
_LUMINANCE = np.array([  # ITU-T T.81, table K.1: libjpeg scales it to its qualities
    16, 11, 10, 16,  24,  40,  51,  61,
    12, 12, 14, 19,  26,  58,  60,  55,
    14, 13, 16, 24,  40,  57,  69,  56,
    14, 17, 22, 29,  51,  87,  80,  62,
    18, 22, 37, 56,  68, 109, 103,  77,
    24, 35, 55, 64,  81, 104, 113,  92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103,  99,
])
# fmt: on


class Noiseprint(NoiseprintPP):
    """Noiseprint++'s layers, but for the first one, which sees the luminance alone."""

    def __init__(self) -> None:
        super().__init__()
        self[0] = nn.Conv2d(1, WIDTH, 3, padding=1)


def load_networks(folder: Path) -> list[Noiseprint]:
    """The networks of all `QUALITIES`, of net_jpgQ/model.index and the numbers beside it.

    Raises WeightsError where one does not fit.
    """
    networks = []
    for quality in QUALITIES:
        index = folder / f"net_jpg{quality}" / "model.index"
        network = Noiseprint()
        fit(network, as_torch(load_bundle(index)), str(index), skip=NOT_USED)
        networks.append(network)
    return networks


def as_torch(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """TensorFlow's names and layout to those of `Noiseprint`; names that the authors do not use stay as they are."""
    return {
        _place(name): value.permute(3, 2, 0, 1) if value.ndim == 4 else value  # height, width, inputs, outputs
        for name, value in state.items()
    }


_PARTS = {"bn/gamma": "weight", "bn/moving_mean": "running_mean", "bn/moving_variance": "running_var"}


def _place(name: str) -> str:
    """The key in `Noiseprint` of `level_3/bn/gamma`: a level is a convolution, a norm but at both ends, and a ReLU."""
    level = re.fullmatch(r"level_(\d+)/(.+)", name)
    if level is None:
        return name
    number, part = int(level[1]), level[2]
    conv = max(0, 3 * number - 1)
    with_norm = 0 < number < LEVELS - 1
    if part == "conv/weights":
        return f"{conv}.weight"
    if part == "bias/beta":
        return f"{conv + with_norm}.bias"
    return f"{conv + 1}.{_PARTS[part]}" if with_norm and part in _PARTS else name


def quality_of(table: NDArray[np.int64]) -> int:
    """The quality at which libjpeg makes a luminance table, 8 x 8 in natural order; of another's table, a like one.

    libjpeg scales table K.1 by 50 / quality below 50 and by 2 - quality / 50 from there on, rounds, and lets no step be
    below 1.  Each step so says between which two factors its own lies; the largest factor that all allow counts.
    """
    steps = table.ravel()
    if (steps == 1).all():
        return 100
    largest = float(((2 * steps + 1) / (2 * _LUMINANCE)).min())
    smallest = float(((2 * steps - 1) / (2 * _LUMINANCE))[steps > 1].max())
    if largest < 1:
        return int(np.ceil(50 * (2 - largest)))
    return int(np.ceil(50 / largest)) if largest > 1 and smallest > 1 else 50
