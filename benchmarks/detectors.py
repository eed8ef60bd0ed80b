"""Mean pixel AUC of detectors on inpainted photos, one line for each inpainter and detector.

    python benchmarks/detectors.py --photos PHOTOS --masks MASKS --bin 30-40 \
        --inpainters telea,copy --detectors laplacian,splicebuster --limit 60

Goes through `safebench.models` alone.  Photos: centre crop to a square, bicubic to 256x256; masks: nearest
neighbour to 256x256, white is hole, drawn with a seeded generator among those whose hole ratio lies in the bin.
Beside the AUC stand the share of images that the detector flags (score of at least 0.5), and, on the line
`original`, that share for the same photos untouched: the false alarms.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.metrics import roc_auc_score

from safebench import models
from safebench.protocol import SIZE, THRESHOLD, Bin, bin_of, parse_bins


def read_photos(folder: Path, limit: int) -> models.Photos:
    """The first `limit` photos of a folder in the order of their names: N x 256 x 256 x 3."""
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})[:limit]
    return np.stack([read_photo(path) for path in paths])


def read_photo(path: Path) -> NDArray[np.uint8]:
    """A photo cropped to its central square and brought to 256 x 256 x 3."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC))


def read_holes(folder: Path, bin_: Bin, count: int, seed: int) -> models.Holes:
    """`count` masks of the bin, drawn without repetition from a folder's PNG files, loose or in zips."""
    files = [*_loose(folder), *_zipped(folder)]
    holes: dict[str, NDArray[np.bool_]] = {}
    for k in np.random.default_rng(seed).permutation(len(files)):
        path, member = files[k]
        name = Path(member or path.name).name
        hole = read_hole(_bytes(path, member))
        if bin_of(int(hole.sum()), hole.size) == bin_:
            holes.setdefault(name, hole)
        if len(holes) == count:
            return np.stack(list(holes.values()))
    raise SystemExit(f"{folder}: {len(holes)} masks lie in the bin {bin_.name}, {count} are needed")


def read_hole(content: bytes) -> NDArray[np.bool_]:
    """A mask file's content brought to 256 x 256, True where it is white."""
    with Image.open(io.BytesIO(content)) as mask:
        return np.asarray(mask.convert("L").resize((SIZE, SIZE), Image.Resampling.NEAREST)) > 127


def _loose(folder: Path) -> Iterator[tuple[Path, str]]:
    yield from ((path, "") for path in sorted(folder.rglob("*.png")))


def _zipped(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            yield from ((path, name) for name in sorted(archive.namelist()) if name.endswith(".png"))


def _bytes(path: Path, member: str) -> bytes:
    if not member:
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(member)


def evaluate(detector: str, images: models.Photos, holes: models.Holes) -> tuple[NDArray[np.float64], float]:
    """A detector's pixel AUC on each image, and the share of the images that it flags."""
    model = models.load_detector(detector, device="cpu")
    found = [models.detect(model, images[k : k + 1]) for k in range(len(images))]
    aucs = [roc_auc_score(hole.ravel(), f.maps[0].ravel()) for f, hole in zip(found, holes, strict=True)]
    return np.array(aucs), float(np.mean([f.scores[0] >= THRESHOLD for f in found]))


def inpaint(inpainter: str, photos: models.Photos, holes: models.Holes) -> models.Photos:
    """The composites of an inpainter, one photo at a time."""
    model = models.load_inpainter(inpainter, device="cpu")
    pairs = [(photos[k : k + 1], holes[k : k + 1]) for k in range(len(photos))]
    return np.concatenate([models.composite(*pair, models.inpaint(model, *pair)) for pair in pairs])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photos")
    parser.add_argument("--masks", type=Path, required=True, help="folder of masks, loose or in zips")
    parser.add_argument("--bin", default="30-40", help="hole ratio in per cent")
    parser.add_argument("--inpainters", required=True, help="names, separated by commas")
    parser.add_argument("--detectors", required=True, help="names, separated by commas")
    parser.add_argument("--limit", type=int, default=60, help="photos, the first by name")
    parser.add_argument("--seed", type=int, default=0, help="draws the masks")
    args = parser.parse_args()

    photos = read_photos(args.photos, args.limit)
    holes = read_holes(args.masks, parse_bins(args.bin)[0], len(photos), args.seed)
    detectors = args.detectors.split(",")
    print(f"{len(photos)} photos, holes of {args.bin}%")
    print(f"{'inpainter':<16}{'detector':<16}{'AUC':>7}{'lowest':>9}{'flagged':>9}")
    for detector in detectors:
        _, flagged = evaluate(detector, photos, holes)
        print(f"{'original':<16}{detector:<16}{'':>16}{flagged:>9.3f}", flush=True)
    for inpainter in args.inpainters.split(","):
        images = inpaint(inpainter, photos, holes)
        for detector in detectors:
            aucs, flagged = evaluate(detector, images, holes)
            print(
                f"{inpainter:<16}{detector:<16}{aucs.mean():>7.4f}{aucs.min():>9.4f}{flagged:>9.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
