"""Pixel AUC beside scikit-learn's, on 256 x 256 float32 maps, in one process.

    python benchmarks/pixel_auc.py [--runs 101]

The calls take turns, so that whatever else the machine does hits all alike.  Printed are medians of processor time
(none of them uses a second thread) and their ratio.  Both get the same arrays, and their results are compared before
anything is timed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

from safebench.metrics.auc import pixel_auc
from safebench.metrics.catalogue import DEFAULT, measure
from safebench.metrics.evidence import MapEvidence

SHAPE = (256, 256)


LOCALISATION = [m for m in DEFAULT if m.subject == "localisation" and m.over == "inpainted"]


def localise(scores: NDArray[np.float32], mask: NDArray[np.bool_]) -> dict[str, float]:
    return measure(LOCALISATION, MapEvidence(scores, mask))


def maps(mask: NDArray[np.bool_], generator: np.random.Generator) -> Mapping[str, NDArray[np.float32]]:
    """Maps of the kinds that detectors give: by far most values distinct, few distinct values, long runs of ties."""
    noise = (generator.random(SHAPE) + 0.5 * mask) / 1.5
    smooth = gaussian_filter(noise, 4)
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    kinds = {
        "continuous": noise,
        "smooth": smooth,
        "8-bit": np.rint(255 * noise) / 255,
        "half zero": np.where(noise < np.median(noise), 0, noise),
        "two values": smooth > 0.5,
        "constant": np.full(SHAPE, 0.3),
    }
    return {kind: values.astype(np.float32) for kind, values in kinds.items()}


def masks(generator: np.random.Generator) -> Mapping[str, NDArray[np.bool_]]:
    """One hole in one piece, and one that is scattered: both of about a third of the image."""
    square = np.zeros(SHAPE, dtype=bool)
    square[50:200, 60:210] = True
    return {"one hole": square, "scattered": generator.random(SHAPE) < square.mean()}


def medians(calls: list[Callable[[], object]], runs: int) -> list[float]:
    """Median milliseconds of processor time of each call, the calls taking turns."""
    taken = np.empty((runs, len(calls)))
    for run in range(-1, runs):  # the first one warms up
        for k, call in enumerate(calls):
            start = time.process_time()
            call()
            taken[run, k] = time.process_time() - start
    return (1000 * np.median(taken, axis=0)).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=101)
    runs = parser.parse_args().runs
    generator = np.random.default_rng(0)
    print("| mask | map | scikit-learn, ms | pixel_auc, ms | ratio | localise (all six figures), ms |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for mask_name, mask in masks(generator).items():
        for kind, scores in maps(mask, generator).items():
            theirs = partial(roc_auc_score, mask.ravel(), scores.ravel())
            ours = partial(pixel_auc, scores, mask)
            assert abs(theirs() - ours()) < 1e-12
            slow, fast, all_figures = medians([theirs, ours, partial(localise, scores, mask)], runs)
            row = [f"{slow:.2f}", f"{fast:.2f}", f"{slow / fast:.1f}", f"{all_figures:.2f}"]
            print(f"| {mask_name} | {kind} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
