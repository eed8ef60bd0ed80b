"""`safebench list`: what is known, read from cards; imports no model."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from safebench.cli.fitting import fit
from safebench.errors import UnknownNameError
from safebench.models import kinds, matrix, registry, weights
from safebench.models.cards import Card
from safebench.models.kinds import Kind
from safebench.models.registry import Entry


def show(what: str | None) -> None:
    """Print the tables of one kind, or of all; raises UnknownNameError for another kind."""
    tables: dict[str, Callable[[], Table]] = {
        **{kind.name: partial(_models, kind) for kind in kinds.MODELS},
        "datasets": _datasets,
        "metrics": _metrics,
        **{kind.name: partial(_titles, kind) for kind in kinds.KINDS if kind not in kinds.MODELS},
    }
    console = Console()
    for name in _asked(what):
        console.print(fit(tables[name](), console.width))


def show_json(what: str | None) -> None:
    """Print the same as one JSON object: for each kind a list of what it has."""
    sys.stdout.write(json.dumps({name: list(_records(name)) for name in _asked(what)}, indent=1) + "\n")


def kinds_listed() -> tuple[str, ...]:
    """What can be listed, in the order of the tables."""
    others = (kind.name for kind in kinds.KINDS if kind not in kinds.MODELS)
    return (*(kind.name for kind in kinds.MODELS), "datasets", "metrics", *others)


def _asked(what: str | None) -> tuple[str, ...]:
    """The kinds to list; raises UnknownNameError for one that there is not."""
    if what is None:
        return kinds_listed()
    if what not in kinds_listed():
        near = difflib.get_close_matches(what, kinds_listed(), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(kinds_listed())}"
        raise UnknownNameError(f"nothing to list is called '{what}'; {hint}")
    return (what,)


def _records(kind: str) -> Iterator[dict[str, Any]]:
    if kind == "datasets":
        from safebench.inputs.photos import dataset_cards

        for known in dataset_cards():
            yield {name: getattr(known, name) for name in ("name", "title", "present", "licence", "where")}
    elif kind == "metrics":
        from safebench.metrics.catalogue import catalogue

        for metric in catalogue().values():
            yield {"name": metric.key} | {
                name: getattr(metric, name) for name in ("meaning", "subject", "level", "default")
            }
    else:
        for entry in registry.entries(kind).values():
            yield _record(entry)


def _record(entry: Entry) -> dict[str, Any]:
    card = entry.card
    return {
        "name": entry.name,
        "title": card.title,
        "summary": card.summary,
        "weights": [
            {"variant": w.variant, "here": weights.at_hand(entry, w) is not None, "trained_on": w.trained_on}
            for w in card.weights
        ],
        "hub": card.hub.model,
        "licence": _licence(card),
        "paper": _paper(card),
    }


def _models(kind: Kind) -> Table:
    table = _table(kind.heading, "name", "what it is", "weights", "licence", "paper")
    for entry in registry.entries(kind.name).values():
        card = entry.card
        table.add_row(_name(card), Text(card.title), _weights(entry), Text(_licence(card)), Text(_paper(card)))
    table.caption = Text("\n".join(_suites(kind)))
    table.caption_justify = "left"
    return table


def _suites(kind: Kind) -> Iterator[str]:
    """The named sets of levels that the cards of a kind make up together."""
    by_suite: dict[str, list[str]] = {}
    for name, entry in registry.entries(kind.name).items():
        for suite, levels in entry.card.suites.items():
            by_suite.setdefault(suite, []).append(f"{name}:{', '.join(levels)}")
    yield from (f"suite {suite}: {'; '.join(parts)}" for suite, parts in sorted(by_suite.items()))


def _titles(kind: Kind) -> Table:
    table = _table(kind.heading, "name", "what it is")
    for entry in registry.entries(kind.name).values():
        table.add_row(Text(entry.name, style="bold"), Text(entry.card.title))
    return table


def _metrics() -> Table:
    from safebench.metrics.catalogue import catalogue

    table = _table("Metrics (default: in every run; the others by --metrics)", "name", "what it is", "of", "default")
    for metric in catalogue().values():
        of = f"each {metric.level}: {metric.subject}"
        asked = Text("yes", style="green") if metric.default else Text("no")
        table.add_row(Text(metric.key, style="bold"), Text(metric.meaning), of, asked)
    return table


def _datasets() -> Table:
    from safebench.inputs.photos import dataset_cards
    from safebench.inputs.photos.locations import location
    from safebench.inputs.pictures import PUBLISHED

    table = _table(
        "Data sets: photos (--images), then forged pictures (--pictures)",
        *("name", "what it is", "here", "licence", "where"),
    )
    rows = [(card.name, card.title, card.present, card.licence, card.where) for card in dataset_cards()]
    places = [(published, location(published.name)) for published in PUBLISHED]
    rows += [(p.name, p.title, p.is_here(place), p.licence, str(place)) for p, place in places]
    for name, title, present, licence, where in rows:
        here = Text("yes", style="green") if present else Text("no", style="yellow")
        table.add_row(Text(name, style="bold"), Text(title), here, Text(licence), Text(where))
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")
    return table


def _name(card: Card) -> Text:
    arguments = [f":{variant}" for variant in card.variants[1:]]
    if card.parameter is not None:
        arguments += [":NUMBER", *(f":NUMBER+{word}" for word in card.parameter.words)]
    return Text(card.name, style="bold") + Text("".join(f"\n  {argument}" for argument in arguments), style="dim")


def _weights(entry: Entry) -> Text:
    lines = Text()
    for checkpoint in entry.card.weights:
        here = weights.at_hand(entry, checkpoint) is not None
        lines += Text("present\n" if here else "missing\n", style="green" if here else "yellow")
    if lines:
        return lines
    if entry.card.hub.model:
        return Text("at the Hub", style="yellow")
    return Text(matrix.ARGUMENTS.get(entry.card.argument, "none needed"), style="green")


def _licence(card: Card) -> str:
    """The weights' terms where there are weights, since they bind the user more than the code's."""
    if not (card.weights or card.hub.model):
        return card.licence.code
    return (card.licence.weights or "not stated") + (", non-commercial" if card.licence.non_commercial else "")


def _paper(card: Card) -> str:
    """First author's family name and year."""
    return f"{card.paper.authors.split(',')[0].split()[-1]} {card.paper.year}" if card.paper else ""
