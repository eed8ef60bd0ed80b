"""Shifts what a training of a detector made so that few untouched photos are flagged: its loss does not ask for that.

    python -m safebench_detectors._calibrate_map iid-net TRAINED.safetensors PHOTOS... --out weights.safetensors

Each photo counts twice: as the protocol resizes it, and with another history (`_resynthesis.varied`), since photos that
were enlarged or compressed are flagged most; with `--histories` five times, twice with one that a phone might give it
(`_histories`) and once compressed as JPEG at the end.  Only the last layer's bias changes (`MapRecipe.last_bias`), so
every map keeps its order, and its AUC.
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

from safebench.errors import ConfigError, SafebenchError
from safebench.files import atomic_write
from safebench.inputs.images import to_square
from safebench.inputs.photos import open_photos
from safebench.models import training_photos
from safebench.models.calling import detect, load_detector, top1_mean
from safebench.models.registry import find
from safebench.protocol import SIZE, THRESHOLD
from safebench.weights.read.checkpoints import load_metadata, load_state

from ._histories import HISTORIES, Image, history
from ._map_recipe import MapRecipe
from ._resynthesis import recompressed, varied

FALSE_ALARMS = 0.02
"""Share of the views that may be flagged where no other is said: of other photos more are than of those trained on."""


def shift(maps: Sequence[NDArray[np.float32]], share: float = FALSE_ALARMS) -> float:
    """What to add to the logits of untouched photos' maps so that this share of them scores 0.5 or more.

    maps: H x W in [0, 1].
    """
    logits = [logit(np.clip(map_.astype(np.float64), 1e-7, 1 - 1e-7)) for map_ in maps]

    def too_high(added: float) -> float:
        scores = [top1_mean(expit(each + added).astype(np.float32)) for each in logits]
        return float(np.quantile(scores, 1 - share)) - THRESHOLD

    return float(brentq(too_high, -20, 20, xtol=1e-4))


def views(folders: Sequence[str], *, histories: bool = False) -> Iterator[Image]:
    """The views of each photo: uint8, square."""
    rng, phones = np.random.default_rng(0), np.random.default_rng(1)
    for photo in (photo for folder in folders for photo in open_photos(folder).photos()):
        image = photo.load()
        square = to_square(image, SIZE, photo.name)
        yield square
        yield varied(square, rng)
        for _ in range(HISTORIES if histories else 0):
            yield history(image, phones)
        if histories:
            yield recompressed(square, phones)


def calibrate(
    name: str,
    trained: Path,
    photos: Sequence[str],
    out: Path,
    share: float = FALSE_ALARMS,
    *,
    histories: bool = False,
) -> str:
    """Write the calibrated file to `out`, and the listing of training photos to photos.txt beside it, as a card's
    weights that ship want it; returns the shift and how many views gave it, in words.

    A listing that lies there keeps its lines: a training that began from another's networks names its own photos alone.
    Raises ConfigError for a detector that is not trained to make a map and for a share that is none, and what loading
    and reading raise.
    """
    if not 0 < share < 1:
        raise ConfigError(f"--share {share}: has to lie between 0 and 1")
    recipe = find("recipes", name)[0].load_class()
    if not issubclass(recipe, MapRecipe):
        raise ConfigError(f"{name} is not trained to make a map")
    detector = load_detector(name, weights=trained)
    maps = [detect(detector, view[None]).maps[0] for view in views(photos, histories=histories)]
    added = shift(maps, share)
    state = {key: torch.clone(value) for key, value in load_state(trained).items()}
    state[recipe.last_bias][-1] += added
    metadata = load_metadata(trained)
    beside = out.with_name("photos.txt")
    before = beside.read_text(encoding="ascii") if beside.exists() else ""
    seen = {*before.splitlines(), *metadata.pop(training_photos.KEY, "").splitlines()}
    metadata.pop(training_photos.SETS, None)
    atomic_write(out, save(state, metadata))
    atomic_write(beside, "".join(f"{line}\n" for line in sorted(seen)).encode("ascii"))
    return f"{added:+.3f}, from {len(maps)} views of photos"


def main() -> None:
    """Calibrate by the command line's words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector", help="its name: iid-net, hp-fcn")
    parser.add_argument("trained", type=Path, help="what safebench train made of it")
    parser.add_argument("photos", nargs="+", help="folders of untouched photos")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=FALSE_ALARMS, help="of the views, how many may be flagged")
    parser.add_argument("--histories", action="store_true", help="look at each photo with three more histories")
    options = parser.parse_args()
    try:
        moved = calibrate(
            options.detector, options.trained, options.photos, options.out, options.share, histories=options.histories
        )
        sys.stdout.write(moved + "\n")
    except SafebenchError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
