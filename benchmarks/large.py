"""A detector on a photo of 12 megapixels: seconds on the clock, and the peak memory of the whole command.

    OMP_NUM_THREADS=1 python benchmarks/large.py NAME [--image PHOTO] [--weights NAME=FILE]

Runs `safebench detect` in a process of its own, on PHOTO or on a made-up picture of 4000x3000, and prints what it said.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from safebench.testing import inputs

CHILD = """
from pathlib import Path
from safebench.cli import main
try:
    main()
finally:
    print(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector")
    parser.add_argument("--image", type=Path)
    parser.add_argument("--weights")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        image = given.image
        if image is None:
            image = Path(folder) / "large.png"
            Image.fromarray(inputs.photos(1, (3000, 4000))[0]).save(image)
        options = ["--weights", given.weights] if given.weights else []
        options += ["--image", str(image), "--out", f"{folder}/map.png"]
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, "detect", "--detector", given.detector, *options],
            check=False,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    *said, peak = done.stdout.splitlines()
    print(*said, sep="\n")
    print(f"{given.detector}: {seconds:.0f} s, {int(peak.split()[1]) / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
