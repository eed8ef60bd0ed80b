"""The report as a folder that opens in any browser, from disk, with no server and no network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.contracts import Form as BaseForm
from safebench.results import Results

from .._site.pictures import Pictures
from .._site.runs import open_runs
from .gallery import gallery
from .page import write_page


class Form(BaseForm):
    """index.html, its assets, and the pictures of the gallery."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `Form.write`.  Runs stand beside one another, never averaged together."""
        runs = open_runs(results)
        pictures = Pictures(out)
        page = write_page(runs, gallery(runs, pictures), out)
        pictures.remove_old()
        return page
