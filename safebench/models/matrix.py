"""docs/models.md, the page of every model: made of the cards (`make models`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from safebench.files import atomic_write
from safebench.models import kinds, licences, registry
from safebench.models.cards import Paper, Weights
from safebench.models.kinds import Kind
from safebench.models.registry import Entry

_INTRODUCTION = """# Models

Every model that comes with SafeBench, as its card says it. Made by `make models`; a test holds it against the cards.
`safebench show NAME` tells the rest of a card, and what of its weights is on your machine; `safebench weights check`
opens the address of every weights file, and the page of every model at the Hub, and says which died (a job does that
weekly).
"""
_HEADS = ("model", "what it is", "paper", "weights", "takes", "needs")


def page(package: str = "safebench") -> str:
    """The page's Markdown: the models of the distribution `package`, kind by kind."""
    parts = [_INTRODUCTION]
    for kind in kinds.MODELS:
        entries = [entry for entry in registry.entries(kind.name).values() if entry.package == package]
        parts += [f"## {_title(kind)}\n", _table(_HEADS, [_line(entry) for entry in entries])]
        if compared := [entry.card for entry in entries if entry.card.compared or entry.card.untried]:
            lines = [(f"`{card.name}`", card.compared or "nothing", card.untried) for card in compared]
            parts += ["### Beside the authors' code\n", _table(("model", "compared with it", "not tried here"), lines)]
    return "\n".join(parts)


def _line(entry: Entry) -> tuple[str, ...]:
    card = entry.card
    weights = "; ".join(_weights(checkpoint) for checkpoint in card.weights) or card.hub.model
    terms = f": {licences.terms(entry)}" if weights else ""
    return (
        f"`{card.name}`",
        f"{card.title}: {card.summary}",
        _paper(card.paper) if card.paper else "",
        f"{weights}{terms}" if weights else ARGUMENTS.get(card.argument, "none"),
        card.input.takes() + (", read as files" if card.input.reads == "files" else ""),
        f"`safebench[{card.extra}]`" if card.extra else "",
    )


ARGUMENTS = {
    "file": "a file of yours",
    "hub-id": "a model of the Hugging Face Hub, or a folder of yours",
    "answers": "a folder of answers",
    "command": "the file of a command",
}
"""What a model works with that a user names, by what its card says of its argument."""


def _weights(checkpoint: Weights) -> str:
    """The variant, the file's name, its size, and where it comes from where that is no address."""
    sources = [source for file in checkpoint.files for source in file.sources]
    size = sum(file.size for file in checkpoint.files) / 1e6
    told = [f"{size:.1f} MB" if all(file.size for file in checkpoint.files) else "size not published"]
    if checkpoint.shipped:
        told = ["ships, trained here"]
    elif not sources:
        told = [*told, "to be fetched by hand"] if checkpoint.page.startswith("https://") else ["not published"]
    elif all(source.startswith("package:") for source in sources):
        told = ["ships"]
    return f"{checkpoint.variant} ".lstrip() + f"`{checkpoint.file}` ({', '.join(told)})"


def _paper(paper: Paper) -> str:
    told = f"{paper.authors.split(',')[0]} et al., {paper.venue} {paper.year}" if "," in paper.authors else ""
    told = told or f"{paper.authors}, {paper.venue} {paper.year}"
    return f"[{told}]({paper.url})" if paper.url else told


def _title(kind: Kind) -> str:
    return kind.title or kind.name.capitalize()


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = (heads, ["---"] * len(heads), *([_cell(text) for text in line] for line in lines))
    return "\n".join([*("| " + " | ".join(row) + " |" for row in rows), ""])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    atomic_write(Path(sys.argv[1]), page().encode())
