"""The tables as Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.files import atomic_write
from safebench.results.report_format import ReportFormat
from safebench.results.results import Results

from .._common.export import frames, parquet, tables_of


class Adapter(ReportFormat):
    """quality.parquet, detection.parquet, false-alarms.parquet; inpainters.parquet and detectors.parquet rank them."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `ReportFormat.write`.  Like runs stand in one table; the column `table` tells the others apart."""
        for name, frame in frames(tables_of(results)).items():
            atomic_write(out / f"{name}.parquet", parquet(frame))
        return out / "detection.parquet"
