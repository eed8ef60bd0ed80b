"""Says how much evidence untouched photos give: the LIMIT in adapter.py.

python -m safebench_detectors.splicebuster.calibrate DIRECTORY...
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from safebench.data import open_photos
from safebench.images import to_square
from safebench.protocol import SIZE

from .adapter import evidence, two_classes

FALSE_ALARMS = 0.05
"""Share of the photos that may be flagged."""


def main() -> None:
    """Print the evidence that this share of the photos exceeds, as the protocol crops and resizes them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", help="folders of untouched photos")
    photos = [photo for folder in parser.parse_args().photos for photo in open_photos(folder).photos()]
    found = [two_classes(to_square(photo.load(), SIZE, photo.name), seed=0) for photo in photos]
    limit = np.quantile([evidence(f) for f in found if f is not None], 1 - FALSE_ALARMS)
    sys.stdout.write(f"{limit:.2f}, from {len(photos)} photos\n")


if __name__ == "__main__":
    main()
