"""That every benchmark can be started, as its first lines say, whatever else is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
START = """
import runpy, sys
folder, *files = sys.argv[1:]
for file in files:
    sys.path[:] = [folder, *(place for place in sys.path if place != folder)]  # as `python benchmarks/NAME.py` has it
    runpy.run_path(file, run_name="started")
"""


def test_every_benchmark_imports_what_it_needs(tmp_path: Path) -> None:
    for_users = sorted(str(file) for file in BENCHMARKS.glob("*.py"))
    command = [sys.executable, "-c", START, str(BENCHMARKS), *for_users]
    child = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
