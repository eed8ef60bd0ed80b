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
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
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
    pipeline = Pipeline(
        (arguments.inpainter, arguments.detector),
        files,
        lpips_net=arguments.lpips_net,
        images=arguments.photos,
        limit=arguments.limit,
        batch_size=arguments.batch_size,
    )
    rounds = [seconds for _, seconds in zip(range(arguments.rounds + 1), pipeline.rounds(), strict=False)]
    medians = {name: statistics.median(seconds[name] for seconds in rounds[1:]) for name in rounds[0]}
    count = pipeline.samples
    print(f"{arguments.inpainter} + {arguments.detector}, {count} samples, batches of {arguments.batch_size}")
    for name, median in medians.items():
        print(f"{name:8} {median:8.2f} s  {median / count * 1000:7.1f} ms a sample")
    print(
        f"run / forward {medians['run'] / medians['forward']:.3f}   run / loop {medians['run'] / medians['loop']:.3f}"
    )


class Pipeline:
    """An inpainter and a detector, loaded, and what is to be run with them: `options` of `safebench.run`."""

    def __init__(self, models: tuple[str, str], files: dict[str, str], *, lpips_net: str, **options: Any) -> None:
        self.inpainter = participant("inpainters", models[0], _named(files, models[0]))
        self.detector = participant("detectors", models[1], _named(files, models[1]))
        self.filler, self.looker = self.inpainter.load_inpainter("auto"), self.detector.load_detector("auto")
        self.perceptual = load_perceptual(lpips_net, pick_device("auto"))
        self.batch_size = options["batch_size"]
        self.options = {
            "inpainters": [models[0]], "detectors": [models[1]], "weights": files, "lpips_net": lpips_net, **options
        }  # fmt: skip
        self.samples = 0

    def rounds(self) -> Iterator[dict[str, float]]:
        """Seconds of the run, the forward time and the loop, in turns; the first round warms up."""
        for turn in itertools.count():
            with tempfile.TemporaryDirectory() as folder, self._as_loaded():
                seconds: dict[str, float] = {}
                with _timed(seconds, "run"):
                    results = safebench.run(out=Path(folder) / str(turn), **self.options)
                self.samples = len(results.samples)
                evidence = _Evidence(results, self.batch_size)
                with _timed(seconds, "forward"):
                    evidence.forward(self.filler, self.looker)
                with _timed(seconds, "loop"):
                    evidence.loop(*self.workers(), Path(folder) / "loop")
            yield seconds

    def workers(self) -> tuple[InpaintWorker, DetectWorker]:
        """A run's workers, with the models that are loaded; what LPIPS remembers of originals is forgotten."""
        self.perceptual.originals = Remembered()
        filling = InpaintWorker(self.inpainter, "auto", self.perceptual.net)
        looking = DetectWorker(self.detector, "auto")
        filling.model, looking.model = self.filler, self.looker
        filling.perceptual = self.perceptual
        return filling, looking

    @contextmanager
    def _as_loaded(self) -> Iterator[None]:
        """Runs take the models and the perceptual network that are there."""
        self.perceptual.originals = Remembered()
        loaded = {"inpainters": self.filler, "detectors": self.looker}
        with (
            mock.patch.object(ModelSpec, "load", lambda spec, *_: loaded[spec.kind]),
            mock.patch("safebench.metrics.perceptual.load_perceptual", return_value=self.perceptual),
        ):
            yield


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

    def loop(self, filling: InpaintWorker, looking: DetectWorker, folder: Path) -> None:
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
def _timed(into: dict[str, float], name: str) -> Iterator[None]:
    begun = time.perf_counter()
    yield
    into[name] = time.perf_counter() - begun


if __name__ == "__main__":
    main()
