"""What detectors find of inpainters, one line for each pair, on any photos and masks.

    python benchmarks/detectors.py --photos DIRECTORY --masks DIRECTORY --bin 30-40 \
        --inpainters telea,copy --detectors laplacian,splicebuster --limit 60

Goes through `safebench.models.calling` alone, without a run's folder.  The first photos by name, cropped and resized to
256x256; a mask of the bin for each, drawn with the seed.  Printed are the means over the photos of the pixel AUC and of
F1, the lowest AUC, and the share of images that the detector flags; the line `original` holds that share for the same
photos untouched, the false alarms.
"""

from __future__ import annotations

import argparse

import numpy as np

from safebench.inputs.images import to_square
from safebench.inputs.masks import open_masks
from safebench.inputs.photos import open_photos
from safebench.metrics.auc import AUC
from safebench.metrics.evidence import MapEvidence
from safebench.metrics.f1 import F1
from safebench.models import calling
from safebench.protocol import SIZE, THRESHOLD, parse_bins


def read_photos(spec: str, limit: int) -> calling.Photos:
    """The first photos of a data set or directory, N x 256 x 256 x 3."""
    return np.stack([to_square(photo.load(), SIZE, photo.name) for photo in open_photos(spec).photos()[:limit]])


def draw_holes(spec: str, bin_name: str, count: int, seed: int) -> calling.Holes:
    """As many masks of one bin, N x 256 x 256, no mask twice unless there are too few."""
    masks = open_masks(spec, seed)
    names = masks.index(SIZE)[parse_bins(bin_name)[0]]
    drawn = np.random.default_rng(seed).choice(len(names), count, replace=len(names) < count)
    return np.stack([masks.load(names[k], SIZE) for k in drawn])


def inpaint(name: str, photos: calling.Photos, holes: calling.Holes) -> calling.Photos:
    """An inpainter's composites, N x 256 x 256 x 3."""
    inpainter = calling.load_inpainter(name, device="cpu")
    pairs = [(photos[k : k + 1], holes[k : k + 1]) for k in range(len(photos))]
    return np.concatenate([calling.composite(*pair, calling.inpaint(inpainter, *pair)) for pair in pairs])


def detect(name: str, images: calling.Photos) -> list[calling.Findings]:
    """A detector's answer to each image."""
    detector = calling.load_detector(name, device="cpu")
    return [calling.detect(detector, image[None]) for image in images]


def flagged(findings: list[calling.Findings]) -> float:
    """The share of images that are called inpainted."""
    return float(np.mean([found.scores[0] >= THRESHOLD for found in findings]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="a data set or a directory")
    parser.add_argument("--masks", required=True, help="a mask set or a directory, with NVIDIA's zips, say")
    parser.add_argument("--bin", default="30-40", help="hole ratio in per cent")
    parser.add_argument("--inpainters", required=True, help="names, separated by commas")
    parser.add_argument("--detectors", required=True, help="names, separated by commas")
    parser.add_argument("--limit", type=int, default=60, help="how many photos")
    parser.add_argument("--seed", type=int, default=0, help="draws the masks")
    args = parser.parse_args()

    photos = read_photos(args.photos, args.limit)
    holes = draw_holes(args.masks, args.bin, len(photos), args.seed)
    detectors = args.detectors.split(",")
    print(f"{len(photos)} photos, holes of {args.bin}%\n")
    print(f"{'inpainter':<16}{'detector':<16}{'AUC':>8}{'lowest':>8}{'F1':>8}{'flagged':>9}")
    for detector in detectors:
        print(f"{'original':<16}{detector:<16}{'':24}{flagged(detect(detector, photos)):>9.3f}", flush=True)
    for inpainter in args.inpainters.split(","):
        images = inpaint(inpainter, photos, holes)
        for detector in detectors:
            findings = detect(detector, images)
            evidence = [MapEvidence(found.maps[0], hole) for found, hole in zip(findings, holes, strict=True)]
            auc, f1 = np.array([(AUC.compute(each), F1.compute(each)) for each in evidence]).T
            print(
                f"{inpainter:<16}{detector:<16}{auc.mean():>8.4f}{auc.min():>8.4f}{f1.mean():>8.4f}"
                f"{flagged(findings):>9.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
