"""What the harness costs beside its models: a whole run, the pure forward time, and a plain loop, side by side.

    python benchmarks/pipeline.py --inpainter telea --detector splicebuster [--photos DIR] [--limit 12] [--rounds 3]
    python benchmarks/pipeline.py --inpainter lama --detector trufor --weights lama=FILE --weights trufor=FILE

All in one process, models loaded before, in turn: `run` is `safebench.run` into a fresh folder (its plan, files,
metrics, store and tables included, loading not); `forward` calls the models on the same batches, decoded before;
`loop` does what the run does for each batch, one thing after the other (read, decode, model, measure, encode, write).
Prints medians and the ratios run/forward and run/loop.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import safebench
from safebench.files import atomic_write
from safebench.inputs.images import read_mask, read_photo
from safebench.metrics.perceptual import load_perceptual
from safebench.metrics.remembering import Remembered
from safebench.models import calling
from safebench.models.devices import pick_device
from safebench.models.specs import ModelSpec, participant
from safebench.route.detect_worker import DetectWorker
from safebench.route.inpaint_worker import InpaintWorker
from safebench.route.job import batches
from safebench.work.tasks import Answer, FileRef, Item, Worker


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inpainter", default="telea")
    parser.add_argument("--detector", default="splicebuster")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--photos", default="sample")
    parser.add_argument("--limit", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--lpips-net", default="squeeze")
    arguments = parser.parse_args()
    files = dict(pair.split("=", 1) for pair in arguments.weights)
    inpainter = participant("inpainters", arguments.inpainter, _named(files, arguments.inpainter))
    detector = participant("detectors", arguments.detector, _named(files, arguments.detector))
    loaded = {"inpainters": inpainter.load_inpainter("auto"), "detectors": detector.load_detector("auto")}
    perceptual = load_perceptual(arguments.lpips_net, pick_device("auto"))
    options = {
        "inpainters": [arguments.inpainter],
        "detectors": [arguments.detector],
        "weights": files,
        "images": arguments.photos,
        "limit": arguments.limit,
        "batch_size": arguments.batch_size,
        "lpips_net": arguments.lpips_net,
    }
    seconds: dict[str, list[float]] = {"run": [], "forward": [], "loop": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(ModelSpec, "load", lambda spec, *_: loaded[spec.kind]),
        mock.patch("safebench.metrics.perceptual.load_perceptual", return_value=perceptual),
    ):
        for turn in range(arguments.rounds + 1):
            perceptual.originals = Remembered()
            with _timed(seconds["run"]):
                results = safebench.run(out=Path(folder) / str(turn), **options)
            evidence = _Evidence(results, arguments.batch_size)
            with _timed(seconds["forward"]):
                evidence.forward(loaded["inpainters"], loaded["detectors"])
            perceptual.originals = Remembered()
            with _timed(seconds["loop"]):
                evidence.loop(inpainter, detector, loaded, perceptual, Path(folder) / f"loop{turn}")
    medians = {name: statistics.median(each[1:]) for name, each in seconds.items()}
    count = len(results.samples)
    print(f"{arguments.inpainter} + {arguments.detector}, {count} samples, batches of {arguments.batch_size}")
    for name, each in medians.items():
        print(f"{name:8} {each:8.2f} s  {each / count * 1000:7.1f} ms a sample")
    print(
        f"run / forward {medians['run'] / medians['forward']:.3f}   run / loop {medians['run'] / medians['loop']:.3f}"
    )


class _Evidence:
    """The inputs of a run's models, as the run left them."""

    def __init__(self, results: safebench.Results, size: int) -> None:
        folder, rows = results.folder, results.samples.to_dict("records")
        composites = dict(zip(results.quality["sample"], results.quality["composite"], strict=True))
        first = {row["photo"]: row for row in reversed(rows)}
        self.fills = [
            Item(r["sample"], {"original": FileRef(folder / r["original"]), "mask": FileRef(folder / r["mask"])})
            for r in rows
        ]
        self.looks = [Item(r["photo"], {"image": FileRef(folder / r["original"])}, _kept(r)) for r in first.values()]
        self.looks += [
            Item(
                r["sample"],
                {"image": FileRef(folder / composites[r["sample"]]), "mask": FileRef(folder / r["mask"])},
                _kept(r),
            )
            for r in rows
        ]
        self.size = size
        self.pictures: dict[Path, Any] = {
            file.path: read_mask(file.path) if role == "mask" else read_photo(file.path)
            for item in (*self.fills, *self.looks)
            for role, file in item.files.items()
        }

    def forward(self, inpainter, detector) -> None:
        for batch in batches(self.fills, self.size):
            photos, holes = (
                np.stack([self.pictures[i.files[role].path] for i in batch]) for role in ("original", "mask")
            )
            calling.inpaint(inpainter, photos, holes)
        for batch in batches(self.looks, self.size):
            paths = [item.files["image"].path for item in batch]
            calling.detect(detector, np.stack([self.pictures[path] for path in paths]), paths)

    def loop(self, inpainter, detector, loaded, perceptual, folder: Path) -> None:
        filling, looking = InpaintWorker(inpainter, "auto", perceptual.net), DetectWorker(detector, "auto")
        filling.model, filling.perceptual, looking.model = loaded["inpainters"], perceptual, loaded["detectors"]
        stages: list[tuple[Worker, list[Item]]] = [(filling, self.fills), (looking, self.looks)]
        for worker, items in stages:
            for batch in batches(items, self.size):
                results = worker.finish(worker.compute(worker.load(batch)))
                for item, result in zip(batch, results, strict=True):
                    assert isinstance(result, Answer), result
                    for kind, file in result.files.items():
                        atomic_write(folder / f"{item.name}.{kind}.png", file.read())


def _kept(row) -> frozenset[str]:
    return frozenset({"map"} if row["gallery"] else ())


def _named(files: dict[str, str], name: str) -> Path | None:
    return Path(files[name]) if name in files else None


@contextmanager
def _timed(into: list[float]):
    begun = time.perf_counter()
    yield
    into.append(time.perf_counter() - begun)


if __name__ == "__main__":
    main()
