"""The report as a folder that opens in any browser, from disk, with no server and no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.results.report_format import ReportFormat
from safebench.results.results import Results

from .._common.pictures import Pictures
from .._common.runs import open_runs
from .gallery import gallery
from .page import write_page
from .per_picture import per_picture


class Adapter(ReportFormat):
    """index.html, its assets, the pictures of the gallery, and the figures of each picture."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `ReportFormat.write`.  Runs stand beside one another, never averaged together."""
        runs = open_runs(results)
        pictures = Pictures(out)
        page = write_page(runs, gallery(runs, pictures), per_picture(runs, out), out)
        pictures.remove_old()
        return page
