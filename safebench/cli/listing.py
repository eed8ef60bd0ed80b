"""`safebench list`: what is known, read from cards; imports no model."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from safebench.errors import UnknownNameError
from safebench.models import kinds, registry, weights
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
    if what is not None and what not in tables:
        near = difflib.get_close_matches(what, tables, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(tables)}"
        raise UnknownNameError(f"nothing to list is called '{what}'; {hint}")
    console = Console()
    for name, make in tables.items():
        if what in (None, name):
            console.print(make())


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
    found: dict[str, list[str]] = {}
    for name, entry in registry.entries(kind.name).items():
        for suite, levels in entry.card.suites.items():
            found.setdefault(suite, []).append(f"{name}:{', '.join(levels)}")
    yield from (f"suite {suite}: {'; '.join(parts)}" for suite, parts in sorted(found.items()))


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
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("name", "paper"))
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
    return lines or Text("none needed", style="green")


def _licence(card: Card) -> str:
    """The weights' terms where there are weights, since they bind the user more than the code's."""
    if not card.weights:
        return card.licence.code
    return (card.licence.weights or "not stated") + (", non-commercial" if card.licence.non_commercial else "")


def _paper(card: Card) -> str:
    """First author's family name and year."""
    return f"{card.paper.authors.split(',')[0].split()[-1]} {card.paper.year}" if card.paper else ""
