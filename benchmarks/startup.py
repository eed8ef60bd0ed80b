"""How long `safebench --help` and `safebench list` take, beside a bare `python -c pass`, interleaved.

    python benchmarks/startup.py [--runs 11]

Prints the medians in seconds.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11)
    runs = parser.parse_args().runs
    command = shutil.which("safebench") or sys.exit("safebench is not on the path: activate its environment")
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "safebench --help": [command, "--help"],
        "safebench list": [command, "list"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs + 1):
        for name, arguments in commands.items():
            began = time.perf_counter()
            subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - began)
    for name, measured in seconds.items():
        print(f"{name:20} {statistics.median(measured[1:]):.3f} s (median of {runs})")


if __name__ == "__main__":
    main()
