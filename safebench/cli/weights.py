"""`safebench weights`: list, pull, verify, check, path."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from safebench.models.cards import Weights
    from safebench.models.registry import Entry

app = typer.Typer(no_args_is_help=True)
NOTHING_ANSWERED = 3
"""How `check` ends where it learned nothing: 2 is a wrong command's."""

_Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="NAME or NAME:VARIANT.")]
_NamesOrAll = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="NAME or NAME:VARIANT; all when left out.")
]


@app.command(name="list")
def list_() -> None:
    """Show every published checkpoint: present or not, size, terms, training set."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from safebench.cli.fitting import fit
    from safebench.models import licences, weights

    console = Console()
    table = Table(header_style="bold")
    for heading in ("name", "here", "size", "terms", "trained on"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "name")
    for entry in _at_the_hub(None):
        row = (Text(entry.name, style="bold"), Text("at the Hub", style="yellow"), Text("unknown"))
        table.add_row(*row, Text(licences.in_short(entry)), Text(""))
    for entry, checkpoint in _everything():
        place = weights.at_hand(entry, checkpoint)
        here = "missing" if place is None else "shipped" if weights.is_shipped(entry, checkpoint, place) else "present"
        size = sum(file.size for file in checkpoint.files) / 1e6
        table.add_row(
            Text(_label(entry, checkpoint), style="bold"),
            Text(here, style="yellow" if place is None else "green"),
            Text(f"{size:.1f} MB" if size else "unknown"),
            Text(licences.in_short(entry)),
            Text(checkpoint.trained_on),
        )
    console.print(fit(table, console.width))


@app.command()
def pull(
    names: _Names,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to the terms of these models' weights; remembered.")
    ] = False,
) -> None:
    """Fetch weights into the cache; what is there already is checked and left as it is."""
    from safebench.models import licences, weights

    for name in names:
        for entry, variant in _find(name):
            if accept_licence or (not licences.accepted(entry) and _asked(licences.terms(entry), entry.name)):
                licences.accept(entry)
            known = weights.card_weights(entry, variant) if entry.card.argument == "variant" else None
            ours = known is not None and not known.sources and not known.parts
            checkpoint = weights.find(entry, variant, fetch=True, shipped=ours)
            typer.echo(
                f"{name}: {checkpoint.path} (sha256 {checkpoint.sha256})" if checkpoint else f"{name}: needs no weights"
            )


@app.command()
def verify(names: _NamesOrAll = None) -> None:
    """Compare the weights that are here with their published checksums, or with those of the first download."""
    from safebench.models import expected_bytes, weights

    wrong = []
    for entry, checkpoint in _chosen(names):
        path = weights.at_hand(entry, checkpoint)
        if path is None:
            if names:
                wrong.append(weights.missing(entry, checkpoint))
            continue
        if weights.is_shipped(entry, checkpoint, path):
            typer.echo(f"{_label(entry, checkpoint)}: ok (shipped with the package)")
            continue
        problem = expected_bytes.problem(checkpoint, path)
        wrong += [f"{_label(entry, checkpoint)}: {problem}"] if problem else []
        against = expected_bytes.compared_with(checkpoint, path)
        typer.echo(f"{_label(entry, checkpoint)}: {'WRONG' if problem else f'ok ({against})'}")
    for sentence in wrong:
        typer.echo(f"safebench: {sentence}", err=True)
    if wrong:
        raise typer.Exit(1)


@app.command()
def check(names: _NamesOrAll = None) -> None:
    """Open the address of every weights file and of every model at the Hub, fetch nothing, and say which died.

    Ends with 1 where any did, with 3 where none gave an answer.
    """
    from safebench.models import reaching

    states = []
    for address in reaching.addresses(_chosen(names), _at_the_hub(names)):
        state, reason = reaching.state(address)
        states.append(state)
        typer.echo(f"{address.text}: {state}{f' ({reason})' if reason else ''} [{', '.join(address.models)}]")
    died, silent = states.count("DEAD"), states.count("no answer")
    if died:
        typer.echo(f"safebench: {_addresses(died)} died", err=True)
    if silent:
        whether = ", as if there were no network" if silent == len(states) else ""
        typer.echo(f"safebench: {_addresses(silent)} gave no answer, so nothing is known of them{whether}", err=True)
    if not states:
        typer.echo("safebench: there is no address to open: these weights ship, or are fetched by hand", err=True)
    if died or (silent and silent == len(states)):
        raise typer.Exit(1 if died else NOTHING_ANSWERED)


@app.command()
def path(names: _Names) -> None:
    """Say where weights lie, or where to put them by hand."""
    from safebench.models import weights

    for entry, checkpoint in _chosen(names):
        typer.echo(weights.at_hand(entry, checkpoint) or weights.cached_path(entry, checkpoint))


def _addresses(count: int) -> str:
    return f"{count} {'address' if count == 1 else 'addresses'}"


def _asked(terms: str, name: str) -> bool:
    """The question of the terms, put once to a person at a terminal."""
    return _at_terminal() and typer.confirm(f"{name}: the terms of its weights are: {terms}. Do you agree?")


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _everything() -> Iterator[tuple[Entry, Weights]]:
    from safebench.models import kinds, registry

    for kind in kinds.MODELS:
        for entry in registry.entries(kind.name).values():
            yield from ((entry, checkpoint) for checkpoint in entry.card.weights)


def _chosen(names: list[str] | None) -> Iterator[tuple[Entry, Weights]]:
    from safebench.models import weights

    if not names:
        yield from _everything()
    for name in names or ():
        for entry, variant in _find(name):
            checkpoint = weights.card_weights(entry, variant)
            if checkpoint is not None:
                yield entry, checkpoint


def _at_the_hub(names: list[str] | None) -> Iterator[Entry]:
    """Those among the models `names`, or among all, whose cards name a whole model of the Hub."""
    from safebench.models import kinds, registry

    entries = [entry for kind in kinds.MODELS for entry in registry.entries(kind.name).values()]
    named = [entry for name in names or () for entry, argument in _find(name) if not argument]
    yield from (entry for entry in (entries if not names else named) if entry.card.hub.model)


def _find(name: str) -> list[tuple[Entry, str]]:
    """The models (one, or one of each kind) that a name means; raises UnknownNameError with the nearest names."""
    from safebench.errors import UnknownNameError
    from safebench.keys import plain
    from safebench.models import kinds, registry

    entries = []
    for kind in kinds.MODELS:
        with suppress(UnknownNameError):
            entries.append(registry.find(kind.name, name))
    if not entries:
        known = {name: None for kind in kinds.MODELS for name in registry.entries(kind.name)}
        nearest = difflib.get_close_matches(plain(name.partition(":")[0]), known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(nearest)}?" if nearest else "safebench list shows what there is"
        raise UnknownNameError(f"no {' or '.join(kind.singular for kind in kinds.MODELS)} is called '{name}'; {hint}")
    return entries


def _label(entry: Entry, checkpoint: Weights) -> str:
    """The name, and the variant's where there are several."""
    return f"{entry.name}:{checkpoint.variant}" if checkpoint.variant and len(entry.card.weights) > 1 else entry.name
