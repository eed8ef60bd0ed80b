"""Says how much evidence untouched photos give a detector of two classes: the `limit` in its adapter.

python -m safebench_detectors._calibrate splicebuster DIRECTORY...
python -m safebench_detectors._calibrate noiseprint --weights noiseprint++.th DIRECTORY...
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch

from safebench.inputs.images import to_square
from safebench.inputs.photos import open_photos
from safebench.models.calling import load_detector
from safebench.protocol import SIZE

from ._two_classes import TwoClasses, evidence

FALSE_ALARMS = 0.05
"""Share of the photos that may be flagged."""


def main() -> None:
    """Print the evidence that this share of the photos exceeds, as the protocol crops and resizes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector")
    parser.add_argument("photos", nargs="+", help="folders of untouched photos")
    parser.add_argument("--weights", help="the detector's checkpoint, where it has one")
    options = parser.parse_args()
    detector = load_detector(options.detector, weights=options.weights)
    if not isinstance(detector, TwoClasses):
        parser.error(f"{options.detector} does not tell two classes apart")
    photos = [photo for folder in options.photos for photo in open_photos(folder).photos()]
    found = []
    with torch.inference_mode():
        for photo in photos:
            image = torch.tensor(to_square(photo.load(), SIZE, photo.name)).permute(2, 0, 1)[None]
            found += detector.segmentations(image.to(detector.device) / 255)
    limit = np.quantile([evidence(f) for f in found if f is not None], 1 - FALSE_ALARMS)
    sys.stdout.write(f"{limit:.2f}, from {len(photos)} photos\n")


if __name__ == "__main__":
    main()
