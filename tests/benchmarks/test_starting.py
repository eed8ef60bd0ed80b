"""That every benchmark can be started, as its first lines say, whatever else is installed."""

from __future__ import annotations

from pathlib import Path

from tests.forking import run_forked

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
    child = run_forked(START, tmp_path, arguments=["-c", str(BENCHMARKS), *for_users])
    assert child.returncode == 0, child.stderr
