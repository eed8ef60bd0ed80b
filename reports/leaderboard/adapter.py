"""The leaderboard: a folder that opens from disk and from any static host, with no network of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from safebench.comparing import Group
from safebench.contracts import Form as BaseForm
from safebench.files import atomic_write
from safebench.keys import slug
from safebench.reporting import write_report
from safebench.results import Results

from .._site.export import tables_of
from .._site.pictures import Pictures
from .._site.runs import Run
from .._site.site import POLICY, environment, write_assets
from .._site.standings import Standings
from .downloads import write_downloads
from .duels import duels
from .page import page_context

HERE = Path(__file__).parent
RUNS = "runs"


class Form(BaseForm):
    """index.html, head-to-head.html, downloads/, and the report of each run under runs/."""

    def write(self, results: Sequence[Results], out: Path) -> Path:
        """See `Form.write`.  Like runs are merged; the others stand in tables of their own."""
        for each in results:
            _ = each.quality_cells, each.detection_cells, each.false_alarms  # once, for all that is written of them
        tables = tables_of(results)
        standings = [Standings(run) for _, run in tables]
        reports = _run_reports(tables, out)
        pictures = Pictures(out)
        context = page_context(tables, standings, reports, pictures)
        pictures.remove_old()
        shared = {"csp": POLICY, "files": write_downloads(tables, standings, out)}
        write_assets(out, HERE)
        jinja = environment(HERE)
        duel_page = jinja.get_template("head-to-head.html.j2").render(**shared, data=duels(tables, standings))
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
