"""What the leaderboard's page holds: the tables, why they stand apart, the ranked rows, the details of each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from safebench.metrics.metric import VIEWS, View
from safebench.protocol import SPLICED
from safebench.results.comparing import Group, Source
from safebench.results.verdict import Verdict

from .._common.assembly import spliced_against_regenerated
from .._common.cells import FACET_NAMES, Cell, Column, Row, Table
from .._common.charts import chart_data
from .._common.entries import OPPONENT
from .._common.learning import learning
from .._common.papers import FIRST
from .._common.pictures import Pictures
from .._common.provenance import cards
from .._common.robustness import robustness
from .._common.runs import NO_POSTPROCESS, Run
from .._common.standings import FACETS, Standings, part
from .._common.words import ALL_BINS, moment, said
from .cases import Cases

Tables = Sequence[tuple[Group, Run]]
FACET_TITLES = {**FACET_NAMES, "licence": "Licence"}


def page_context(
    tables: Tables, standings: Sequence[Standings], reports: Mapping[str, str], pictures: Pictures
) -> dict[str, Any]:
    """All that leaderboard.html.j2 takes; the pictures are written on the way.

    reports: the address of each run's own report.
    """
    sections = [
        _section(like, run, standing, tables[:k], reports)
        for k, ((like, run), standing) in enumerate(zip(tables, standings, strict=True))
    ]
    data = [
        {
            "label": run.label,
            **{view: _data(view, standing.table(view)) for view in VIEWS},
            "details": _details(like, run, standing, reports, pictures),
        }
        for (like, run), standing in zip(tables, standings, strict=True)
    ]
    return {
        "sections": sections,
        "data": data,
        "charts": chart_data([run for _, run in tables]),
        "robustness": robustness([run for _, run in tables], standings),
        "assembly": spliced_against_regenerated([run for _, run in tables]),
        "learning": learning([run for _, run in tables]),
        "facet_titles": FACET_TITLES,
        "facet_names": FACET_NAMES,
        "views": VIEWS,
    }


def _section(like: Group, run: Run, standings: Standings, before: Tables, reports: Mapping[str, str]) -> dict[str, Any]:
    """One table's place on the page: its terms, why it stands apart, and what shows before a script runs."""
    return {
        "label": run.label,
        "terms": like.terms.labels,
        "differences": [(other.label, like.terms.differences(group.terms)) for group, other in before],
        "runs": [{"label": source.label, "href": reports[source.label], **_run(source)} for source in like.sources],
        "unfinished": [source.label for source in like.sources if source.results.record.status != "finished"],
        "datasets": [value for value, _ in standings.inpainters.facets["dataset"]],
        "leads": [said(verdict) for view in VIEWS if (verdict := _verdict(view, standings))],
        "views": {
            view: {
                "table": standings.table(view),
                "first": _first(view, standings.table(view)),
                "chosen": _chosen(view, standings.table(view)),
            }
            for view in VIEWS
        },
    }


def _chosen(view: View, table: Table) -> dict[str, str]:
    """What each filter says when the page opens; "" shows all."""
    held = {facet: [value for value, _ in values] for facet, values in table.facets.items()}
    asked = {OPPONENT[view]: FIRST[view], "bin": ALL_BINS, "postprocess": NO_POSTPROCESS, "assembly": SPLICED}
    chosen = {
        facet: asked[facet] if asked.get(facet) in held[facet] else next(iter(held[facet]), "")
        for facet in FACETS[view]
    }
    return {**chosen, "licence": ""}


def _first(view: View, table: Table) -> list[Row]:
    return part(table, **{key: value for key, value in _chosen(view, table).items() if value})


def _verdict(view: View, standings: Standings) -> Verdict:
    """What may be said of who leads in the data set that the page shows first."""
    return standings.verdict(view, _chosen(view, standings.table(view))["dataset"])


def _run(source: Source) -> dict[str, str]:
    record = source.results.record
    return {"finished": moment(record.finished), "status": record.status}


def _data(view: View, table: Table) -> dict[str, Any]:
    """A table as leaderboard.js reads it: columns, the names of facets, and rows of facets and cells."""
    facets = [view, *FACETS[view]]
    return {
        "columns": [_column(column, view) for column in table.columns],
        "facets": facets,
        "rows": [
            [int(row.control), [row.facets[key] for key in facets], [_cell(cell, view) for cell in row.cells]]
            for row in table.rows
        ],
    }


def _column(column: Column, view: View) -> dict[str, Any]:
    metric = column.metric
    return {
        "key": column.key,
        "label": column.label,
        "kind": column.kind,
        "better": metric.better_for(view) if metric else "",
        "shown": column.shown,
    }


def _cell(cell: Cell, view: View) -> list[Any]:
    """Text, order, interval, note, place, inverted; what is empty at the end is left out."""
    parts = [cell.text, cell.order, cell.interval, cell.note, cell.best.get(view, 0), int(cell.inverted)]
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts[:1] if parts == [cell.text, cell.text] else parts


def _details(
    like: Group, run: Run, standings: Standings, reports: Mapping[str, str], pictures: Pictures
) -> dict[str, dict[str, Any]]:
    """What a row opens to, by view and name."""
    cases = Cases(run, standings, pictures)
    by_view: dict[str, dict[str, Any]] = {view: {} for view in VIEWS}
    for card in cards(run):
        view: View = "inpainter" if card.kind == "inpainter" else "detector"
        by_view[view][card.name] = {
            "card": asdict(card),
            "runs": [
                {"label": source.label, "href": reports[source.label], "facts": _provenance(source)}
                for source in like.sources
                if card.name in source.names[f"{view}s"].values()
            ],
            "cases": cases.of(view, card.name),
        }
    return by_view


def _provenance(source: Source) -> list[tuple[str, str]]:
    record = source.results.record
    changed = " with changes" if record.git and record.git.dirty else ""
    facts = {
        "protocol": record.protocol,
        "finished": moment(record.finished),
        "SafeBench": record.versions.get("safebench", ""),
        "commit": f"{record.git.commit}{changed}" if record.git and record.git.commit else "",
        "device": record.device,
        "seed": str(record.config.seed) if record.config else "",
    }
    return [(name, value) for name, value in facts.items() if value]
