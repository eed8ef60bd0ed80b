"""Makes classifier.json: learns it from photos that OpenCV inpaints, and fits its slope on others.

    python -m safebench_detectors.laplacian.fit --photos TRAIN --calibrate VAL --masks MASKS --out classifier.json

`calibrate.py` then moves the threshold, by untouched photos of many more histories.

Each photo is looked at four times: as the protocol has it (central square, brought to 256 x 256), cut out at its own
resolution, cut out smaller and enlarged, and that compressed, so that what lenses and JPEG smooth is not taken for
filled.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from safebench.inputs.images import to_square
from safebench.inputs.masks import MaskSet, open_masks
from safebench.inputs.photos import open_photos
from safebench.models import calling
from safebench.protocol import SIZE

from .._histories import compressed
from .calibrate import threshold
from .classifier import Classifier, smoothed_log_odds
from .features import COUNT, features, laplacian_change, local_variances

INPAINTERS = ("telea", "navier-stokes")
UNITS = 32
PIXELS = 200
"""Taken from each image, of each class that it holds."""


@dataclass(frozen=True)
class Example:
    """An image, uint8 256 x 256 x 3, and what of it was filled, bool 256 x 256."""

    image: NDArray[np.uint8]
    hole: NDArray[np.bool_]


def examples(folder: str, masks: MaskSet, rng: np.random.Generator) -> Iterator[Example]:
    """Each view of each photo of a folder: untouched, and filled by each inpainter in a hole drawn for that view."""
    fillers = [calling.load_inpainter(name, device="cpu") for name in INPAINTERS]
    names = sorted(name for names in masks.index(SIZE).values() for name in names)
    for photo in open_photos(folder).photos():
        for view in views(photo.load(), rng):
            yield Example(view, np.zeros((SIZE, SIZE), dtype=bool))
            hole = masks.load(names[rng.integers(len(names))], SIZE)
            for filler in fillers:
                raw = calling.inpaint(filler, view[None], hole[None])
                yield Example(calling.composite(view[None], hole[None], raw)[0], hole)


def views(photo: NDArray[np.uint8], rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """A photo of at least 256 pixels a side, four ways; each 256 x 256 x 3."""
    enlarged = to_square(_cut(photo, round(SIZE / rng.uniform(1, 3)), rng), SIZE)
    squares = [to_square(photo, SIZE), _cut(photo, SIZE, rng), enlarged]
    return [*squares, compressed(enlarged, int(rng.integers(70, 99)))]


def learn(data: Iterator[Example], rng: np.random.Generator) -> Classifier:
    """A classifier of pixels, not yet calibrated."""
    inputs: list[NDArray[np.float32]] = []
    labels: list[NDArray[np.bool_]] = []
    for example in data:
        pixels = features(local_variances(laplacian_change(example.image.astype(np.float32)))).reshape(-1, COUNT)
        for filled in (False, True):
            of_class = np.flatnonzero(example.hole.ravel() == filled)
            if of_class.size:
                chosen = rng.choice(of_class, PIXELS)
                inputs.append(pixels[chosen])
                labels.append(np.full(PIXELS, filled))
    x, y = np.concatenate(inputs), np.concatenate(labels)
    scaler = StandardScaler().fit(x)
    network = MLPClassifier((UNITS,), activation="tanh", batch_size=500, learning_rate_init=3e-3, max_iter=30)
    network.set_params(random_state=0).fit(scaler.transform(x), y)
    (hidden, output), (hidden_bias, output_bias) = network.coefs_, network.intercepts_
    folded = hidden / scaler.scale_[:, None]  # the scaling of the features becomes part of the first layer
    return Classifier(
        hidden=folded.round(5).tolist(),
        hidden_bias=(hidden_bias - scaler.mean_ @ folded).round(5).tolist(),
        output=output[:, 0].round(5).tolist(),
        output_bias=round(float(output_bias[0]), 5),
        slope=1.0,
        threshold=0.0,
    )


def calibrate(classifier: Classifier, data: Iterator[Example]) -> Classifier:
    """The classifier with the slope of a logistic regression over the images' evidence (Platt scaling), and with the
    threshold of the untouched images among them (`calibrate.threshold`)."""
    evidence, inpainted = [], []
    for example in data:
        evidence.append(calling.top1_mean(smoothed_log_odds(example.image, classifier)))
        inpainted.append(bool(example.hole.any()))
    e, y = np.array(evidence), np.array(inpainted)
    slope = float(LogisticRegression(C=1e6).fit(e[:, None], y).coef_[0, 0])
    return msgspec.structs.replace(classifier, slope=round(slope, 3), threshold=threshold(e[~y], slope))


def _cut(photo: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = photo.shape[:2]
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    return photo[top : top + side, left : left + side]


def main() -> None:
    """Fit, calibrate and write the classifier."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="folder of photos to learn from, 256 pixels a side or more")
    parser.add_argument("--calibrate", required=True, help="folder of other photos")
    parser.add_argument("--masks", required=True, help="folder of masks, white is hole")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    masks = open_masks(args.masks, args.seed)
    learned = learn(examples(args.photos, masks, rng), rng)
    found = calibrate(learned, examples(args.calibrate, masks, rng))
    args.out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")


if __name__ == "__main__":
    main()
