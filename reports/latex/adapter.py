"""The tables in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.files import atomic_write
from safebench.metrics.auc import AUC
from safebench.metrics.detection_rate import DETECTION_RATE
from safebench.metrics.f1 import F1
from safebench.results.report_format import PaperTableFormat
from safebench.results.results import Results

from .._common.export import bibtex, tables_of
from .._common.latex import alone, files
from .._common.paper_shape import shaped
from .._common.papers import paper_tables


class Adapter(PaperTableFormat):
    """leaderboard.tex, a file for each table, the paper's shape of AUC, F1 and ACC in paper.tex, and references.bib."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `ReportFormat.write`."""
        tables = tables_of(results)
        for name, text in files(paper_tables(tables)).items():
            atomic_write(out / name, text.encode())
        if any(run.detection for _, run in tables):
            shapes = shaped(tables, [metric.key for metric in (AUC, F1, DETECTION_RATE)])
            atomic_write(out / "paper.tex", alone(shapes).encode())
        atomic_write(out / "references.bib", bibtex([run for _, run in tables]).encode())
        return out / "leaderboard.tex"

    def paper_table(self, results: Sequence[Results], metrics: Sequence[str]) -> str:
        """See `PaperTableFormat.paper_table`: one file, which compiles by itself and can be \\input."""
        return alone(shaped(tables_of(results), metrics))
