"""How many untouched photos detectors flag, with exact 95% intervals, one line for each detector and set of photos.

    python benchmarks/false_alarms.py --detectors laplacian,splicebuster,exemplar sample bsds500/val DIRECTORY...

Photos are cropped and resized to 256x256 as the protocol says; flagged is a score of 0.5 or more.
"""

from __future__ import annotations

import argparse

import numpy as np

from safebench.inputs.images import to_square
from safebench.inputs.photos import open_photos
from safebench.metrics.rates import exact_interval
from safebench.models import calling
from safebench.protocol import SIZE, THRESHOLD


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", help="data sets, or folders of untouched photos")
    parser.add_argument("--detectors", required=True, help="NAME,NAME")
    options = parser.parse_args()
    print("| detector | photos | n | flagged | 95% interval |\n| --- | --- | ---: | ---: | --- |")
    for name in options.detectors.split(","):
        detector = calling.load_detector(name)
        for folder in options.photos:
            photos = open_photos(folder).photos()
            squares = (to_square(photo.load(), SIZE, photo.name)[None] for photo in photos)
            share = float(np.mean([calling.detect(detector, square).scores[0] >= THRESHOLD for square in squares]))
            interval = exact_interval(share, len(photos))
            print(
                f"| `{name}` | {folder} | {len(photos)} | {share:.1%} | [{interval.low:.1%}, {interval.high:.1%}] |",
                flush=True,
            )


if __name__ == "__main__":
    main()
