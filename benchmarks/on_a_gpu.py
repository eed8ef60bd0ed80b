"""How near a run comes to its models' own time on a GPU, in under four minutes: for whoever has one for a while.

    TORCH_HOME=FOLDER python benchmarks/on_a_gpu.py --out OUT [--minutes 3.5] [--batch-sizes 64 32] [--photos DIR]

LaMa with TruFor, whose weights are made up in the published layout, and SafePaint with IID-Net as they ship.  For each
pair and batch size, the largest first: a run, the pure forward time and a plain loop in turns, as
benchmarks/pipeline.py has them (the aim: run / forward below 1.05), and what a sample takes of one thread beside the
models: reading, measuring (each metric by itself), encoding.  What was measured is printed and written at once
(OUT/gpu.json, some kilobytes).  When the minutes are over, what is at work is ended.

The built-in photos are enough; TORCH_HOME has to hold SqueezeNet's backbone of LPIPS.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from made_up import draw  # type: ignore[import-not-found]
from pipeline import Pipeline  # type: ignore[import-not-found]
from safebench_detectors.trufor.network import TruFor
from safebench_inpainters.lama.adapter import BIG_LAMA
from safebench_inpainters.lama.network import Generator

from safebench.files import atomic_write
from safebench.inputs.images import encode_png, read_mask, read_photo
from safebench.metrics.catalogue import DEFAULT, stored
from safebench.metrics.catalogue import measure as measure_all
from safebench.metrics.evidence import CompositeEvidence, MapEvidence
from safebench.metrics.lpips import NETWORK as LPIPS
from safebench.models import calling
from safebench.testing import inputs

T = TypeVar("T")
PAIRS = (("lama", "trufor"), ("safepaint", "iid-net"))
TURNS = 3
"""After one that warms up."""
FEW = 8
"""So many samples are looked at for what is beside the models."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=3.5, help="how long all may take")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[64, 32])
    parser.add_argument("--photos", default="sample")
    parser.add_argument("--limit", type=int, default=28, help="photos")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--bins", default="all")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.measure:
        measure(options)
        return
    with tempfile.TemporaryDirectory() as scratch:  # which the child, ended in the middle, could not clear away
        command = [sys.executable, *sys.argv, "--measure"]
        child = subprocess.Popen(command, env={**os.environ, "TMPDIR": scratch})
        try:
            if child.wait(60 * options.minutes):
                sys.exit(child.returncode)
        except subprocess.TimeoutExpired:
            print(f"{options.minutes} minutes are over: {options.out} holds what was measured until then")
        finally:
            child.kill()
            child.wait()


def measure(options: argparse.Namespace) -> None:
    """Measure pair by pair, and write what there is after every round."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"no GPU: {platform.processor()}"
    told: dict[str, Any] = {"device": device, "torch": torch.__version__, "processors": torch.get_num_threads()}
    told |= {"size": options.size, "photos": options.photos, "measured": []}

    def write() -> None:
        atomic_write(options.out / "gpu.json", json.dumps(told, indent=1).encode())

    print(device, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        files = _made_up(Path(folder))
        for size in sorted(options.batch_sizes, reverse=True):
            for pair in PAIRS:
                given = {"images": options.photos, "limit": options.limit, "size": options.size, "bins": options.bins}
                pipeline = Pipeline(
                    pair, {n: files[n] for n in pair if n in files}, lpips_net="squeeze", **given, batch_size=size
                )
                entry: dict[str, Any] = {"models": pair, "batch": size, "rounds": []}
                told["measured"].append(entry)
                for seconds in islice(pipeline.rounds(), 1 + TURNS):
                    entry["rounds"].append(seconds)
                    entry["samples"] = pipeline.samples
                    write()
                entry["beside"] = beside(pipeline, options.size)
                write()
                print(_sentence(entry), flush=True)


def _made_up(folder: Path) -> dict[str, str]:
    """Files of LaMa and TruFor in the published layout."""
    lama = {f"generator.{key}": tensor for key, tensor in draw(Generator(BIG_LAMA)).items()}
    torch.save({"state_dict": lama}, folder / "lama.ckpt")
    torch.save({"state_dict": draw(TruFor())}, folder / "trufor.pth.tar")
    return {"lama": str(folder / "lama.ckpt"), "trufor": str(folder / "trufor.pth.tar")}


def beside(pipeline: Pipeline, side: int) -> dict[str, float]:
    """Milliseconds of one thread a sample beside the models: medians over a few made-up pictures."""
    taken: dict[str, list[float]] = {}

    def timed(name: str, call: Callable[[], T]) -> T:
        begun = time.perf_counter()
        result = call()
        taken.setdefault(name, []).append(1000 * (time.perf_counter() - begun))
        return result

    photos, holes = inputs.photos(FEW + 1, (side, side)), inputs.holes(FEW, (side, side))
    for k, hole in enumerate(holes):
        filled = (photos[k + 1 : k + 2] / 255).astype(np.float32)
        composite = calling.composite(photos[k : k + 1], hole[None], filled)[0]
        data, mask = timed("encode", partial(encode_png, composite)), encode_png(hole)
        timed("decode", partial(read_photo, Path("photo.png"), data))
        timed("decode the hole", partial(read_mask, Path("mask.png"), mask))
        quality = CompositeEvidence(composite, photos[k], hole, {LPIPS: pipeline.perceptual})
        for column, metric in stored(DEFAULT, quality=True).items():
            timed(column, partial(metric.compute, quality))
        evidence = MapEvidence(filled[0, ..., 0], hole, 0.5)
        timed("figures of the map", partial(measure_all, stored(DEFAULT, quality=False).values(), evidence))
    return {name: round(statistics.median(times), 3) for name, times in taken.items()}


def _sentence(entry: dict[str, Any]) -> str:
    later = entry["rounds"][1:] or entry["rounds"]  # the first warms up
    medians = {name: statistics.median(seconds[name] for seconds in later) for name in later[0]}
    each = {name: 1000 * seconds / entry["samples"] for name, seconds in medians.items()}
    figures = ", ".join(f"{name} {value:.1f}" for name, value in each.items())
    run, other = medians["run"], sum(entry["beside"].values())
    return (
        f"{' + '.join(entry['models'])}, {entry['samples']} samples, batches of {entry['batch']}: {figures} ms each\n"
        f"  run / forward {run / medians['forward']:.3f}, run / loop {run / medians['loop']:.3f}\n"
        f"  beside the models {other:.1f} ms of one thread, {other / each['forward']:.2f} of forward: {entry['beside']}"
    )


if __name__ == "__main__":
    main()
