"""A few pixels of what the authors' code makes of made-up weights, for the tests to hold the networks here against.

    OMP_NUM_THREADS=1 python benchmarks/golden.py mi-gan CHECKOUT

CHECKOUT is a clone of the authors' repository; the weights are those of benchmarks/made_up.py, photo and hole those of
the contract suite.  Sixteen rows and columns of the answer, evenly spaced, are written, 3 x 16 x 16 float32 in [0, 1],
to tests/inpainters/golden/NAME.npy.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from beside import import_from, of_one_network  # type: ignore[import-not-found]
from made_up import STATES, save  # type: ignore[import-not-found]

SIDES = importlib.import_module("inpainters")
"""The script beside this one, whose name is also that of a folder of the checkout."""

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "inpainters" / "golden"
SIDE = 16
DOUBLE = ("zits",)
"""Networks that decide something on the way, which in single precision may hang on a last digit."""


def main() -> None:
    args = of_one_network(__doc__, STATES).parse_args()
    import_from(args.checkout, SIDES.STAND_INS)
    with TemporaryDirectory() as folder, torch.inference_mode():
        weights = Path(folder, "weights.pt")
        save(STATES[args.network](), weights)
        given = SIDES.picture(args.network)
        if args.network in DOUBLE:
            given = tuple(part.double() for part in given)
        answer = SIDES.NETWORKS[args.network](weights, *given)()
    step = answer.shape[-1] // SIDE
    np.save(FOLDER / f"{args.network}.npy", answer[0, :, ::step, ::step].float().numpy())


if __name__ == "__main__":
    main()
