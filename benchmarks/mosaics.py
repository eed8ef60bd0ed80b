"""What `adaptive-cfa` finds in photos that are demosaiced here, by demosaicing and JPEG quality (4:2:0), as Markdown.

    python benchmarks/mosaics.py DIRECTORY --limit 8

Each photo is made smaller by two, seen through a colour filter array with a little noise in linear light, and
demosaiced.  A rectangle in its middle then holds the same photo a pixel to the right (`shifted`), or as it was before
(`no mosaic`).  Figures are the mean pixel AUC and the share with a score of 0.5 or more; of untouched ones the share
alone.
"""

from __future__ import annotations

import argparse
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safebench_detectors.adaptive_cfa import mosaics

from safebench.inputs.photos import open_photos
from safebench.metrics.auc import pixel_auc
from safebench.models import calling
from safebench.models.contracts import Detector
from safebench.protocol import THRESHOLD

RED = (0, 1)
NOISE = 0.003
DEMOSAICINGS = (mosaics.bilinear, mosaics.hamilton_adams, mosaics.variable_gradients)
QUALITIES = (None, 95, 85)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", help="a data set, or a folder of photos")
    parser.add_argument("--limit", type=int, default=8)
    options = parser.parse_args()
    photos = open_photos(options.photos).photos()
    step = max(len(photos) // options.limit, 1)
    scenes = [mosaics.without_trace(photo.load()) for photo in photos[::step][: options.limit]]
    detector = calling.load_detector("adaptive-cfa")
    print("| demosaicing | JPEG | n | shifted | no mosaic | untouched |\n| --- | --- | ---: | --- | --- | --- |")
    for demosaicing in DEMOSAICINGS:
        for quality in QUALITIES:
            cells = []
            for kind in ("shifted", "no mosaic", "untouched"):
                found = [_look(detector, scene, demosaicing, kind, quality) for scene in scenes]
                aucs, flagged = (np.array(values) for values in zip(*found, strict=True))
                share = f"{flagged.mean():.0%} flagged"
                cells.append(share if kind == "untouched" else f"AUC {aucs.mean():.2f}, {share}")
            print(f"| {demosaicing.__name__} | {quality or 'none'} | {len(scenes)} | {' | '.join(cells)} |", flush=True)


def _look(
    detector: Detector,
    scene: mosaics.Picture,
    demosaicing: mosaics.Demosaicing,
    kind: str,
    quality: int | None,
) -> tuple[float, bool]:
    rng = np.random.default_rng(0)
    light = scene ** np.float32(mosaics.GAMMA)
    noisy = np.clip(light + NOISE * rng.standard_normal(light.shape), 0, 1).astype(np.float32)
    taken = mosaics.demosaiced(noisy, RED, demosaicing) ** np.float32(1 / mosaics.GAMMA)
    inside = {"shifted": np.roll(taken, 1, axis=1), "no mosaic": scene, "untouched": taken}[kind]
    height, width = scene.shape[:2]
    hole = np.zeros((height, width), bool)
    hole[height // 4 : 3 * height // 4, width // 4 : 2 * width // 3] = True
    picture = np.rint(np.where(hole[..., None], inside, taken) * 255).astype(np.uint8)
    found = calling.detect(detector, (picture if quality is None else _compressed(picture, quality))[None])
    return pixel_auc(found.maps[0], hole), bool(found.scores[0] >= THRESHOLD)


def _compressed(picture: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, subsampling=2)
    return np.asarray(Image.open(buffer))


if __name__ == "__main__":
    main()
