"""The leaderboard: a folder that opens from disk and from any static host, with no network of its own."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from safebench.files import atomic_write
from safebench.keys import slug
from safebench.results.claims import MIN_PHOTOS
from safebench.results.comparing import Group
from safebench.results.report_format import ReportFormat
from safebench.results.reporting import write_report
from safebench.results.results import Results

from .._common.export import tables_of
from .._common.pictures import Pictures
from .._common.runs import Run
from .._common.site import ASSETS, POLICY, environment, write_assets
from .._common.standings import Standings
from .downloads import write_downloads
from .head_to_head import duels, frame, page_data
from .page import page_context

HERE = Path(__file__).parent
RUNS = "run-reports"


class Adapter(ReportFormat):
    """index.html, head-to-head.html, downloads/, and each run's own report under run-reports/."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `ReportFormat.write`.  Like runs are merged; the others stand in tables of their own."""
        for result in results:
            _ = (
                result.quality_cells,
                result.detection_cells,
                result.false_alarms,
            )  # once, for all that is written of them
        tables = tables_of(results)
        standings = [Standings(run) for _, run in tables]
        reports = _run_reports(tables, out)
        pictures = Pictures(out)
        context = page_context(tables, standings, reports, pictures)
        pictures.remove_old()
        _remove_old_reports(out, reports.values())
        pairs = duels(tables, standings)
        shared: dict[str, Any] = {"csp": POLICY, "files": write_downloads(tables, standings, frame(pairs), out)}
        write_assets(out, HERE)
        jinja = environment(HERE)
        shared["min_photos"] = MIN_PHOTOS
        duel_page = jinja.get_template("head-to-head.html.j2").render(**shared, data=page_data(pairs))
        atomic_write(out / "head-to-head.html", duel_page.encode())
        page = out / "index.html"
        atomic_write(page, jinja.get_template("leaderboard.html.j2").render(**shared, **context).encode())
        return page


def _run_reports(tables: Sequence[tuple[Group, Run]], out: Path) -> dict[str, str]:
    """Write the report of each run; its address by the run's name."""
    written: dict[str, str] = {}
    for like, _ in tables:
        for source in like.sources:
            name = slug(source.label)
            while f"{RUNS}/{name}/index.html" in written.values():
                name += "-"
            write_report([source.results], out / RUNS / name, "html")
            written[source.label] = f"{RUNS}/{name}/index.html"
    return written


def _remove_old_reports(out: Path, written: Collection[str]) -> None:
    """Remove the reports of runs that an earlier leaderboard at this place held and this one does not."""
    for folder in (out / RUNS).iterdir() if (out / RUNS).is_dir() else ():
        if f"{RUNS}/{folder.name}/index.html" not in written and (folder / ASSETS / "report.css").is_file():
            shutil.rmtree(folder)
