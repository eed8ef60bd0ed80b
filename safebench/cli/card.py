"""`safebench show MODEL`: all that a model's card says, and what of its weights is here."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from safebench.errors import UnknownNameError
from safebench.keys import plain
from safebench.models import kinds, licences, registry, weights
from safebench.models.cards import Paper, Weights
from safebench.models.registry import Entry


def show_card(name: str) -> None:
    """Print the card of every model of that name (an inpainter and a detector may share one).

    Raises UnknownNameError, with what is spelt nearly so, where no kind has it.
    """
    console = Console()
    for entry in _entries(name):
        table = Table(show_header=False, title=f"{entry.card.name} ({entry.kind})", title_justify="left")
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        for heading, text in _lines(entry):
            if text:
                table.add_row(heading, Text(text))
        console.print(table)


def _entries(name: str) -> list[Entry]:
    base = name.partition(":")[0]
    spelled: dict[str, list[Entry]] = {}
    for kind in kinds.MODELS:
        for entry in registry.entries(kind.name).values():
            for key in {plain(text) for text in (entry.name, *entry.card.aliases)}:
                spelled.setdefault(key, []).append(entry)
    if found := spelled.get(plain(base)):
        return found
    near = [spelled[key][0].name for key in difflib.get_close_matches(plain(base), spelled, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else "safebench list shows all"
    raise UnknownNameError(f"no model is called '{base}'; {hint}")


def _lines(entry: Entry) -> Iterator[tuple[str, str]]:
    """Heading and text of each line; an empty text is left out."""
    card = entry.card
    yield "what it is", f"{card.title}: {card.summary}"
    yield "also called", ", ".join(card.aliases)
    yield "version", card.version
    yield "notes", " ".join(card.notes.split())
    yield "takes", card.input.takes()
    yield "options", ", ".join(f"{name} = {json.dumps(value)}" for name, value in card.options.items())
    if entry.kind == "detectors":
        yield "score", card.score.meaning or card.score.source
    yield "suites", "; ".join(f"{name}: {', '.join(levels)}" for name, levels in card.suites.items())
    yield "licence", card.licence.code
    yield "weights", f"{card.hub.model} at the Hugging Face Hub" if card.hub.model else ""
    if card.weights or card.hub.model:
        yield "weights' terms", licences.terms(entry)
    for checkpoint in card.weights:
        yield f"weights {checkpoint.variant}".rstrip(), _weights(entry, checkpoint)
        yield "  trained on", checkpoint.trained_on
        yield "  not good for", checkpoint.shipped_not_for
        yield "  note", " ".join(checkpoint.note.split())
    yield "compared", " ".join(card.compared.split())
    yield "not tried", " ".join(card.untried.split())
    yield "needs", f"pip install 'safebench[{card.extra}]'" if card.extra else ""
    yield "authors' code", card.upstream
    if card.paper:
        yield "cite", _citation(card.paper)
        yield "BibTeX", card.paper.bibtex.strip()


def _weights(entry: Entry, checkpoint: Weights) -> str:
    place = weights.at_hand(entry, checkpoint)
    if place is None:
        return f"missing: safebench weights pull {entry.card.name}" + f":{checkpoint.variant}" * bool(
            checkpoint.variant
        )
    whose = "shipped, trained by SafeBench" if weights.is_shipped(entry, checkpoint, place) else "present"
    return f"{whose}: {place}"


def _citation(paper: Paper) -> str:
    return " ".join(filter(None, (f"{paper.authors}: {paper.title}. {paper.venue}, {paper.year}.", paper.url)))
