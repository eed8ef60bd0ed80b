"""The tables as CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.files import atomic_write
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results

from .._common.export import csv, frames, tables_of


class Adapter(ReportFormat):
    """quality.csv, detection.csv, false-alarms.csv; inpainters.csv and detectors.csv rank them."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `ReportFormat.write`.  Like runs stand in one table; the column `table` tells the others apart."""
        for name, frame in frames(tables_of(results)).items():
            atomic_write(out / f"{name}.csv", csv(frame))
        return out / "detection.csv"
