"""Whether a run's time and memory a sample stay the same as it grows; and how soon a finished run is seen to be.

    python benchmarks/growth.py --samples 100 1000 10000

Photos of 64 x 64 pixels are made up, the models are the cheapest there are (inpainter `noise`, detector `laplacian`,
LPIPS with SqueezeNet): what is measured is the harness, its store and its report.  Each run is a process of its own.
Time a sample: (this run - the one before it) / (its samples - the samples before), so that start-up does not count;
on the clock, and of the processors (which other work on the machine does not change).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

CHILD = """
import json, resource, sys, time
import safebench, safebench.commands.run, safebench.route.detect
from safebench.results.reporting import write_report
options = json.loads(sys.argv[1])
begun, busy = time.perf_counter(), time.process_time()
results = safebench.run(**options)
ran, busy = time.perf_counter(), time.process_time() - busy
write_report([results.stored], results.folder / "report", "html")
wrote = time.perf_counter()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
decided = {}
class Listening:
    def begin(self, title, total):
        decided.setdefault(title, time.perf_counter())
        decided["last"] = time.perf_counter()
    def advance(self, done, *, fresh=True):
        decided["last"] = time.perf_counter()
    def note(self, sentence):
        pass
again = time.perf_counter()
safebench.run(**options, watcher=Listening())
print(json.dumps({
    "samples": len(results.samples), "run": ran - begun, "busy": busy, "report": wrote - ran,
    "decided": decided["last"] - again, "resumed": time.perf_counter() - again,
    "memory": memory,
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, nargs="+", default=[100, 1000, 10000])
    arguments = parser.parse_args()
    print(
        f"{'samples':>8} {'run s':>8} {'ms/sample':>10} {'processor':>10} {'report s':>9} "
        f"{'nothing left s':>15} {'resumed s':>10} {'MB':>6}"
    )
    before = {"samples": 0, "run": 0.0, "busy": 0.0}
    for count in sorted(arguments.samples):
        with tempfile.TemporaryDirectory() as folder:
            found = _measure(Path(folder), count)
        more = (found["samples"] - before["samples"]) / 1000
        clock, busy = ((found[name] - before[name]) / more for name in ("run", "busy"))
        print(
            f"{found['samples']:8.0f} {found['run']:8.1f} {clock:10.1f} {busy:10.1f} {found['report']:9.1f} "
            f"{found['decided']:15.2f} {found['resumed']:10.2f} {found['memory']:6.0f}",
            flush=True,
        )
        before = found


def _measure(folder: Path, samples: int) -> dict[str, float]:
    photos = folder / "photos"
    photos.mkdir()
    generator = np.random.default_rng(0)
    for k in range(-(-samples // 2)):
        coarse = Image.fromarray(generator.integers(0, 256, (8, 8, 3), np.uint8))
        coarse.resize((64, 64), Image.Resampling.BICUBIC).save(photos / f"{k:06d}.png")
    options = {
        "inpainters": ["noise"],
        "detectors": ["laplacian"],
        "images": str(photos),
        "bins": "10-20,40-50",
        "size": 64,
        "lpips_net": "squeeze",
        "device": "cpu",
        "out": str(folder / "run"),
    }
    child = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(options)], check=True, capture_output=True, text=True
    )
    found: dict[str, float] = json.loads(child.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
