"""A few pixels of the maps that the authors' code makes on made-up weights, for the tests of the networks here.

    OMP_NUM_THREADS=1 python benchmarks/golden_maps.py cat-net CHECKOUT

CHECKOUT is a clone of the authors' repository; the weights are those of benchmarks/made_up_detectors.py, the picture is
that of the contract suite at its odd size, or at the one size that a model takes.  Every eighth row and column of the
map goes, as float32, to tests/detectors/golden/NAME.npy.  Printed is also how far the map here is from all of theirs.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from beside import import_from, of_one_network  # type: ignore[import-not-found]
from detector_speed import DETECTORS, stand_in  # type: ignore[import-not-found]
from made_up_detectors import STATES  # type: ignore[import-not-found]

from safebench.models.calling import load_detector
from safebench.testing import inputs

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "detectors" / "golden"
STEP = 8
VARIANTS = {"mesorch-p": "mesorch:p"}


def main() -> None:
    parser = of_one_network(__doc__, STATES)
    parser.add_argument(
        "--side", type=int, help="of the square that it brings pictures to, where that is not the usual one"
    )
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="only compare, at this size")
    args = parser.parse_args()
    with TemporaryDirectory() as folder, torch.inference_mode():
        weights = Path(folder, "weights.pt")
        torch.save(
            STATES[f"{args.network}-{args.side}" if f"{args.network}-{args.side}" in STATES else args.network](),
            weights,
        )
        name = VARIANTS.get(args.network, args.network)
        if args.side:
            folder_of_it = name.partition(":")[0].replace("-", "_")
            vars(importlib.import_module(f"safebench_detectors.{folder_of_it}.adapter"))["SIDE"] = args.side
        model = load_detector(name, weights=weights, device="cpu")
        size = tuple(args.size) if args.size else inputs.sizes(model.card)[-1]
        image = torch.from_numpy(np.ascontiguousarray(inputs.photos(1, size).transpose(0, 3, 1, 2))).float() / 255
        ours = model.detect(image).maps
        stand_in()
        import_from(args.checkout, ())
        theirs = DETECTORS[args.network](weights, image)()
    print(f"{args.network} {size[1]}x{size[0]}: largest difference {float((ours - theirs).abs().max()):.1e}; ", end="")
    print(f"theirs run from {float(theirs.min()):.3f} to {float(theirs.max()):.3f}")
    if not args.size:
        np.save(FOLDER / f"{args.network}.npy", theirs[0, ::STEP, ::STEP].float().numpy())


if __name__ == "__main__":
    main()
