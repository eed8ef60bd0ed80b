"""Moves the threshold of a classifier so that few untouched photos are flagged, whatever was done to them before.

    python -m safebench_detectors.laplacian.calibrate classifier.json PHOTOS... --out classifier.json

Each photo counts three times: as the protocol resizes it, and with two histories drawn for it (`_histories`).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from safebench.files import atomic_write
from safebench.models.calling import top1_mean

from .._histories import FALSE_ALARMS, views
from .classifier import read_classifier, smoothed_log_odds


def threshold(evidence: NDArray[np.float64], slope: float) -> float:
    """Where the threshold has to lie so that the share FALSE_ALARMS of untouched images scores 0.5 or more.

    evidence: e of each image (`classifier.locate`).  At their upper quantile q the score of an image whose highest 1%
    of the pixels are about alike is to be 0.5: P(image) P(pixel) = expit(slope (q - threshold)) expit(q) = 0.5.
    Below q = 0 no threshold can do that, as P(pixel) alone is less than 0.5; q is then taken to be just above 0.
    """
    limit = max(float(np.quantile(evidence, 1 - FALSE_ALARMS)), 1e-3)
    return round(limit - float(logit(0.5 / expit(limit))) / slope, 3)


def main() -> None:
    """Write the calibrated classifier, and print the threshold and how many views gave it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", type=Path, help="what fit.py made")
    parser.add_argument("photos", nargs="+", help="folders of untouched photos")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    classifier = read_classifier(options.classifier)
    evidence = [top1_mean(smoothed_log_odds(view, classifier)) for view in views(options.photos)]
    found = msgspec.structs.replace(classifier, threshold=threshold(np.array(evidence), classifier.slope))
    atomic_write(options.out, msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    sys.stdout.write(f"{found.threshold:.3f}, from {len(evidence)} views of photos\n")


if __name__ == "__main__":
    main()
