"""What a leaderboard of a million rows costs: `python benchmarks/leaderboard.py`.

Makes the run that the tests make, then the site, and prints seconds of processor time, memory and sizes.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from safebench.results.reporting import write_report
from safebench.results.results import open_run
from tests.reports.million import write_million


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = write_million(Path(folder) / "run")
        began, wall = time.process_time(), time.perf_counter()
        page = write_report([open_run(Path(folder) / "run")], Path(folder) / "site", "leaderboard")
        seconds, wall = time.process_time() - began, time.perf_counter() - wall
        print(f"{rows:,} rows: {seconds:.1f} s of processor time, {wall:.1f} s by the clock")
        print(f"memory, making the run included: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
        print(f"index.html {page.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
