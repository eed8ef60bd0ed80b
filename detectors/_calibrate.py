"""Says how much evidence untouched photos give a detector of two classes: the `limit` in its adapter.

python -m safebench_detectors._calibrate splicebuster --histories DIRECTORY...
python -m safebench_detectors._calibrate noiseprint --weights noiseprint++.th DIRECTORY...

Photos are looked at as the protocol resizes them; with `--histories` each counts three times, twice with a history
drawn for it (`_histories`).
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
import torch

from safebench.models.calling import load_detector

from ._histories import FALSE_ALARMS, views
from ._two_classes import TwoClasses, evidence


def main() -> None:
    """Print the evidence that this share of the photos' views exceeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector")
    parser.add_argument("photos", nargs="+", help="folders of untouched photos")
    parser.add_argument("--weights", help="the detector's checkpoint, where it has one")
    parser.add_argument("--histories", action="store_true", help="look at each photo with two histories, too")
    options = parser.parse_args()
    detector = load_detector(options.detector, weights=options.weights)
    if not isinstance(detector, TwoClasses):
        parser.error(f"{options.detector} does not tell two classes apart")
    found = []
    with torch.inference_mode():
        for view in views(options.photos, histories=options.histories):
            image = torch.tensor(view).permute(2, 0, 1)[None]
            found += detector.segmentations(image.to(detector.device) / 255)
    limit = np.quantile([evidence(f) for f in found if f is not None], 1 - FALSE_ALARMS)
    sys.stdout.write(f"{limit:.2f}, from {len(found)} views of photos\n")


if __name__ == "__main__":
    main()
