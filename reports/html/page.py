"""Renders the page and puts beside it what it loads: styles, scripts, libraries."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from safebench.files import atomic_write

from .charts import chart_data
from .controls import CHANCE, verdicts
from .findings import findings
from .metrics import VIEWS
from .provenance import cards, sections
from .runs import Run, detection_metrics, mapping, quality_metrics
from .tables import FACET_NAMES, false_alarms_table, quality_table, results_table
from .words import bin_name, bin_place, moment, plural

HERE = Path(__file__).parent
ASSETS = "assets"
FAILURES_SHOWN = 500
PLOT_STYLE = """:where(.chart) {
  --plot-background: white;
  display: block;
  height: auto;
  height: intrinsic;
  max-width: 100%;
}
:where(.chart text),
:where(.chart tspan) {
  white-space: pre;
}"""
"""The style sheet that Observable Plot writes into each chart (class name `chart`): the only one allowed inline."""


def write_page(runs: Sequence[Run], shelves: list[dict[str, Any]], out: Path) -> Path:
    """Write the assets and then index.html into `out`; returns the path of index.html."""
    write_assets(out)
    page = out / "index.html"
    atomic_write(page, render(runs, shelves).encode())
    return page


def write_assets(out: Path) -> None:
    """Copy what the page loads into `out`/assets."""
    for folder in ("static", "vendor"):
        for path in sorted((HERE / folder).iterdir()):
            atomic_write(out / ASSETS / path.name, path.read_bytes())


def render(runs: Sequence[Run], shelves: list[dict[str, Any]]) -> str:
    """The page's HTML; everything that comes from a run is escaped by Jinja, as text or as JSON."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plural"] = plural
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment.get_template("index.html.j2").render(
        csp=_policy(),
        runs=[_run_context(run) for run in runs],
        results=results_table(runs),
        quality=quality_table(runs),
        false_alarms=false_alarms_table(runs),
        facet_names=FACET_NAMES,
        views=VIEWS,
        chance=CHANCE,
        metrics=[*detection_metrics(runs), *quality_metrics(runs)],
        charts=chart_data(runs),
        shelves=shelves,
        failures_shown=FAILURES_SHOWN,
    )


def _run_context(run: Run) -> dict[str, Any]:
    samples = run.results.samples
    return {
        "run": run,
        "findings": findings(run),
        "verdicts": verdicts(run),
        "sections": sections(run),
        "cards": cards(run),
        "finished": moment(run.info.get("finished")),
        "photo_set": mapping(run.info.get("photos")),
        "mask_set": mapping(run.info.get("masks")),
        "photos": samples["photo"].nunique(),
        "samples": len(samples),
        "bins": [bin_name(name) for name in sorted(samples["bin"].unique(), key=bin_place)],
        "photo_names": dict(zip(samples["photo"], samples["photo_name"], strict=True)),
    }


def _policy() -> str:
    """A Content-Security-Policy under which nothing is loaded but the report's own files."""
    plot = base64.b64encode(hashlib.sha256(PLOT_STYLE.encode()).digest()).decode()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            f"style-src 'self' 'sha256-{plot}'",
            "img-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
