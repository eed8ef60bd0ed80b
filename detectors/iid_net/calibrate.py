"""Shifts what a training made so that few untouched photos are flagged: the training's loss does not ask for that.

    python -m safebench_detectors.iid_net.calibrate TRAINED.safetensors PHOTOS... --out weights.safetensors

Each photo counts twice: as the protocol resizes it, and with another history (`_resynthesis.varied`), since photos that
were enlarged or compressed are flagged most.  Only the last layer's bias changes, so every map keeps its order, and its
AUC.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from scipy.optimize import brentq
from scipy.special import expit, logit

from safebench.files import atomic_write
from safebench.inputs.images import to_square
from safebench.inputs.photos import open_photos
from safebench.models.calling import detect, load_detector, top1_mean
from safebench.protocol import SIZE, THRESHOLD
from safebench.weights.read.checkpoints import load_metadata, load_state

from .._resynthesis import Image, varied

BIAS = "decision.15.bias"
FALSE_ALARMS = 0.02
"""Share of the photos that may be flagged: of others more are than of those that the training saw."""


def shift(maps: Sequence[NDArray[np.float32]]) -> float:
    """What to add to the logits of untouched photos' maps so that this share of them scores 0.5 or more.

    maps: H x W in [0, 1].
    """
    logits = [logit(np.clip(map_.astype(np.float64), 1e-7, 1 - 1e-7)) for map_ in maps]

    def too_high(added: float) -> float:
        scores = [top1_mean(expit(each + added).astype(np.float32)) for each in logits]
        return float(np.quantile(scores, 1 - FALSE_ALARMS)) - THRESHOLD

    return float(brentq(too_high, -20, 20, xtol=1e-4))


def views(folders: Sequence[str]) -> Iterator[Image]:
    """Both views of each photo: uint8, square."""
    rng = np.random.default_rng(0)
    for photo in (photo for folder in folders for photo in open_photos(folder).photos()):
        square = to_square(photo.load(), SIZE, photo.name)
        yield square
        yield varied(square, rng)


def main() -> None:
    """Write the calibrated file, and print the shift and how many photos gave it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trained", type=Path, help="what safebench train iid-net made")
    parser.add_argument("photos", nargs="+", help="folders of untouched photos")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    detector = load_detector("iid-net", weights=options.trained)
    maps = [detect(detector, view[None]).maps[0] for view in views(options.photos)]
    added = shift(maps)
    state = {key: torch.clone(value) for key, value in load_state(options.trained).items()}
    state[BIAS] += added
    atomic_write(options.out, save(state, load_metadata(options.trained)))
    sys.stdout.write(f"{added:+.3f}, from {len(maps) // 2} photos\n")


if __name__ == "__main__":
    main()
