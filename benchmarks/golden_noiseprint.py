"""What Noiseprint's authors make of made-up weights and of a made-up noiseprint, for the test of the detector here.

    OMP_NUM_THREADS=1 python benchmarks/golden_noiseprint.py CHECKOUT

CHECKOUT is a clone of the authors' repository; TensorFlow 2 and scikit-image have to be installed beside SafeBench.  To
tests/detectors/golden/noiseprint-2019.npz go the network's answer of quality 90 and the heat map, both thinned out, and
what the authors' tables of qualities say.  Printed is how far ours is from theirs.
"""

from __future__ import annotations

import argparse
import importlib
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from beside import import_from  # type: ignore[import-not-found]
from detector_speed import restore_what_is_gone  # type: ignore[import-not-found]
from made_up_noiseprint import OF_ITS_OWN, made_up  # type: ignore[import-not-found]
from numpy.typing import NDArray
from PIL import Image
from safebench_detectors.noiseprint_2019.heat_map import heat_map
from safebench_detectors.noiseprint_2019.network import Noiseprint, as_torch

from safebench.testing import inputs
from safebench.weights.read.checkpoints import fit

FILE = Path(__file__).resolve().parents[1] / "tests" / "detectors" / "golden" / "noiseprint-2019.npz"
SIZE = (45, 62)
STEP = 8
QUALITIES = (5, 33, 50, 51, 64, 75, 90, 95, 99, 100)


def luminance(size: tuple[int, int]) -> NDArray[np.float32]:
    return inputs.photos(1, size)[0].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32) / 256


def drawn_noiseprint() -> NDArray[np.float32]:
    """320 x 400: white to the left, and to the right tiles, each of its own loudness and likeness of neighbours.

    (Of white noise with one rectangle in it the authors' mixture takes nearly everything for outliers.)
    """
    rng = np.random.default_rng(0)
    height, width, side = 320, 400, 64
    noise = rng.normal(0, 0.5, (height, width + 4)).astype(np.float32)
    drawn = noise[:, 2:-2].copy()
    for top in range(0, height, side):
        for left in range(width // 2, width, side):
            taps = rng.normal(size=5).astype(np.float32)
            taps *= np.float32(rng.uniform(0.6, 2)) / np.linalg.norm(taps)
            tile = np.s_[top : top + side, left : left + side]
            drawn[tile] = sum(tap * noise[:, k : k + width] for k, tap in enumerate(taps))[tile]
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    args = parser.parse_args()
    import_from(args.checkout, ())
    restore_what_is_gone()
    modules: tuple[Any, ...] = tuple(
        importlib.import_module(f"noiseprint.{name}")
        for name in ("noiseprint", "noiseprint_blind", "utility.utilityRead")
    )
    extracting, blind, reading = modules
    state = made_up(OF_ITS_OWN)

    def restore(session: Any, _: str) -> None:
        for variable in extracting.net.variables_list:
            variable.load(state[variable.op.name], session)

    extracting.saver = SimpleNamespace(restore=restore)
    theirs = extracting.genNoiseprint(luminance(SIZE), OF_ITS_OWN)
    network = Noiseprint().eval()
    fit(network, as_torch({k: torch.from_numpy(v) for k, v in state.items() if k.startswith("level")}), "made up")
    with torch.inference_mode():
        ours = network(torch.from_numpy(luminance(SIZE))[None, None])[0, 0].numpy()
    print(f"noiseprint: largest difference {np.abs(theirs - ours).max():.1e}, deviation {theirs.std():.2f}")

    drawn, gray = drawn_noiseprint(), np.full((320, 400), 0.5, np.float32)
    found, *rest = blind.noiseprint_blind_post(drawn, gray)
    heat = blind.genMappFloat(found, *rest[:-1])
    our_heat = heat_map(drawn, gray, 0)
    assert our_heat is not None
    rows = our_heat.of_pixels(*gray.shape)
    scaled = np.sqrt(heat) / (np.sqrt(heat) + our_heat.limit)
    print(f"heat map: largest difference {np.abs(scaled - rows).max():.1e}")

    qualities = []
    for quality in QUALITIES:
        buffer = io.BytesIO()
        Image.new("L", (16, 16)).save(buffer, "JPEG", quality=quality)
        qualities.append(int(reading.jpeg_qtableinv(buffer)))
    np.savez(FILE, noiseprint=theirs, heat=heat[::STEP, ::STEP].astype(np.float32), qualities=qualities)


if __name__ == "__main__":
    main()
