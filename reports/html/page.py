"""Renders the page and puts beside it what it loads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safebench.files import atomic_write
from safebench.metrics.metric import VIEWS
from safebench.results.claims import MIN_PHOTOS

from .._common.assembly import spliced_against_regenerated
from .._common.cells import FACET_NAMES
from .._common.charts import chart_data
from .._common.gaps import gaps
from .._common.learning import learning
from .._common.provenance import cards, sections
from .._common.robustness import robustness
from .._common.runs import Run, detection_metrics, quality_metrics
from .._common.site import POLICY, environment, write_assets
from .._common.standings import Standings
from .._common.words import bin_name, bin_place, moment
from .controls import CHANCE, controls_table
from .findings import findings
from .tables import false_alarms_table, quality_table, results_table

HERE = Path(__file__).parent
FAILURES_SHOWN = 500


def write_page(
    runs: Sequence[Run], shelves: list[dict[str, Any]], per_picture: list[dict[str, Any]], out: Path
) -> Path:
    """Write the assets and then index.html into `out`; returns the path of index.html."""
    write_assets(out, HERE)
    page = out / "index.html"
    atomic_write(page, render(runs, shelves, per_picture).encode())
    return page


def render(runs: Sequence[Run], shelves: list[dict[str, Any]], per_picture: list[dict[str, Any]]) -> str:
    """The page's HTML; everything that comes from a run is escaped by Jinja, as text or as JSON."""
    template = environment(HERE).get_template("index.html.j2")
    return template.render(
        csp=POLICY,
        runs=[_run_context(run) for run in runs],
        results=results_table(runs),
        quality=quality_table(runs),
        false_alarms=false_alarms_table(runs),
        facet_names=FACET_NAMES,
        views=VIEWS,
        controls=controls_table(runs),
        chance=CHANCE,
        min_photos=MIN_PHOTOS,
        metrics=[*detection_metrics(runs), *quality_metrics(runs)],
        charts=chart_data(runs),
        robustness=robustness(runs, [Standings(run) for run in runs]),
        assembly=spliced_against_regenerated(runs),
        learning=learning(runs),
        gaps=gaps(runs),
        shelves=shelves,
        per_picture=per_picture,
        failures_shown=FAILURES_SHOWN,
    )


def _run_context(run: Run) -> dict[str, Any]:
    samples = run.results.samples
    return {
        "run": run,
        "findings": findings(run),
        "sections": sections(run),
        "cards": cards(run),
        "finished": moment(run.record.finished),
        "photos": samples["photo"].nunique(),
        "samples": int((samples["bin"] != "").sum()),
        "bins": [bin_name(name) for name in sorted({*samples["bin"]} - {""}, key=lambda name: (bin_place(name), name))],
        "photo_names": dict(zip(samples["photo"], samples["photo_name"], strict=True)),
    }
