"""The classical models' processor time of one picture, beside scikit-image's and scikit-learn's on the same machine.

    OMP_NUM_THREADS=1 python benchmarks/classical.py [--photos DIR] [--pictures 6] [--turns 5] [--only NAME ...]

Every inpainter fills the same holes of 256x256 photos (30% to 40% of the area), every detector looks at what Telea
filled. The yardsticks take their turns in the same process: for inpainters scikit-image's `inpaint_biharmonic` of the
same holes, for detectors scikit-learn's `GaussianMixture(2)` of 3721 points in 25 dimensions, what Splicebuster's
windows of one picture give. Prints the median over pictures and turns, in seconds, and the ratio to the yardstick.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from skimage.restoration import inpaint_biharmonic
from sklearn.mixture import GaussianMixture

from safebench.inputs.images import to_square
from safebench.inputs.masks import open_masks
from safebench.inputs.photos import open_photos
from safebench.models import calling
from safebench.protocol import Bin

INPAINTERS = ("telea", "navier-stokes", "biharmonic", "criminisi", "shiftmap", "fsr")
DETECTORS = ("laplacian", "exemplar", "splicebuster")
Call = Callable[[int], object]
"""Works on the picture of that number."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", default="sample")
    parser.add_argument("--pictures", type=int, default=6)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[*INPAINTERS, *DETECTORS], metavar="NAME")
    options = parser.parse_args()
    photos = [to_square(photo.load(), 256) for photo in open_photos(options.photos).photos()[: options.pictures]]
    masks = open_masks("irregular", 0)
    holes = [masks.load(name, 256) for name in masks.index(256)[Bin(4)][: len(photos)]]
    telea = calling.load_inpainter("telea", device="cpu")
    forged = [calling.inpaint(telea, p[None], h[None])[0] for p, h in zip(photos, holes, strict=True)]
    looked_at = [calling.composite(p, h, f) for p, h, f in zip(photos, holes, forged, strict=True)]
    print("| model | s a picture | times the yardstick |\n| --- | ---: | ---: |")
    inpainters = {name: _filling(name, photos, holes) for name in INPAINTERS if name in options.only}
    yardstick: Call = lambda k: inpaint_biharmonic(photos[k] / 255, holes[k], channel_axis=-1)  # noqa: E731
    _table({"scikit-image's inpaint_biharmonic": yardstick, **inpainters}, len(photos), options.turns)
    detectors = {name: _looking(name, looked_at) for name in DETECTORS if name in options.only}
    points = np.random.default_rng(0).normal(size=(3721, 25)) * np.linspace(1, 0.1, 25)
    yardstick = lambda _: GaussianMixture(2, init_params="k-means++", random_state=0).fit(points)  # noqa: E731
    _table({"scikit-learn's GaussianMixture": yardstick, **detectors}, len(photos), options.turns)


def _filling(name: str, photos, holes) -> Call:
    model = calling.load_inpainter(name, device="cpu")
    return lambda k: calling.inpaint(model, photos[k][None], holes[k][None])


def _looking(name: str, images) -> Call:
    model = calling.load_detector(name, device="cpu")
    return lambda k: calling.detect(model, images[k][None])


def _table(calls: dict[str, Call], pictures: int, turns: int) -> None:
    """Time the calls in turns; the first of them is the yardstick."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(turns + 1):
        for k in range(pictures):
            for name, call in calls.items():
                began = time.process_time()
                call(k)
                if turn:  # the first warms up
                    seconds[name].append(time.process_time() - began)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    yardstick = next(iter(medians.values()))
    for name, median in medians.items():
        print(f"| {name} | {median:.3f} | {median / yardstick:.2f} |")


if __name__ == "__main__":
    main()
