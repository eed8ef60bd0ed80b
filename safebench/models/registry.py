"""Finds models and report forms through entry points; imports none of their code to list them.

An entry point `NAME = package.model.adapter:Adapter` in the group of a kind (`safebench.models.kinds`) makes a model
known; its card.toml lies beside the adapter.  A kind is named by its plural: `inpainters`, `detectors`, ...
"""

from __future__ import annotations

import difflib
import importlib.util
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from safebench.errors import CardError, PluginError, UnknownNameError
from safebench.keys import plain
from safebench.models import kinds
from safebench.models.cards import Card, read_card

_installed = cache(entry_points)
"""The entry points of every package; asked once, since each time all packages' files are read."""


@dataclass(frozen=True)
class Entry:
    """A model or form that is known, its code not yet imported."""

    kind: str
    card: Card
    folder: Path
    entry_point: EntryPoint

    @property
    def name(self) -> str:
        """The name that its card gives."""
        return self.card.name

    @property
    def package(self) -> str:
        """The distribution it comes from."""
        return self.entry_point.dist.name if self.entry_point.dist else ""

    @property
    def package_version(self) -> str:
        """That distribution's version."""
        return self.entry_point.dist.version if self.entry_point.dist else ""

    def load_class(self) -> type[Any]:
        """Import and return the adapter's class; raises PluginError where that fails."""
        try:
            loaded: type[Any] = self.entry_point.load()
        except ImportError as error:
            needs = f"; install it with: pip install 'safebench[{self.card.extra}]'" if self.card.extra else ""
            raise PluginError(f"{self.name}: its code could not be imported: {error}{needs}") from error
        except Exception as error:  # a third party's module may raise anything
            raise PluginError(f"{self.name}: its code failed while it was imported: {error!r}") from error
        return loaded


@cache
def entries(kind: str) -> dict[str, Entry]:
    """All entries of a kind by name, in alphabetical order; one that is broken is skipped with a warning."""
    by_name: dict[str, Entry] = {}
    taken: dict[str, str] = {}
    for point in sorted(_installed().select(group=kinds.kind(kind).group), key=lambda p: (p.name, p.value)):
        try:
            entry = _read(kind, point)
        except Exception as error:  # a third party's package may raise anything
            _warn(f"{kind}: '{point.name}' ({point.value}) is skipped: {error}")
            continue
        clash = next((taken[key] for key in _keys(entry.card) if key in taken), None)
        if clash is not None:
            _warn(f"{kind}: '{entry.name}' ({point.value}) is skipped: its name is taken by '{clash}'")
            continue
        by_name[entry.name] = entry
        taken.update(dict.fromkeys(_keys(entry.card), entry.name))
    return dict(sorted(by_name.items()))


def refresh() -> None:
    """Look again at what is installed, after a package came or went in the same process."""
    _installed.cache_clear()
    entries.cache_clear()


def find(kind: str, name: str) -> tuple[Entry, str]:
    """The entry that `NAME` or `NAME:VARIANT` names, and the variant: as its card spells it, else as written, or "".

    Raises UnknownNameError with the nearest names where there is none.
    """
    base, _, variant = name.partition(":")
    known = entries(kind)
    keys = {key: entry for entry in known.values() for key in _keys(entry.card)}
    if (entry := keys.get(plain(base))) is not None:
        return entry, next((v for v in entry.card.variants if plain(v) == plain(variant)), variant)
    nearest = difflib.get_close_matches(plain(base), keys, n=3, cutoff=0.5)
    guess = list(dict.fromkeys(keys[key].name for key in nearest))
    hint = f"did you mean {' or '.join(guess)}?" if guess else f"there are {', '.join(known)}"
    raise UnknownNameError(f"no {kinds.kind(kind).singular} is called '{base}'; {hint} (safebench list {kind})")


def _read(kind: str, point: EntryPoint) -> Entry:
    spec = importlib.util.find_spec(point.module)
    if spec is None or spec.origin is None:
        raise PluginError(f"there is no module {point.module}")
    folder = Path(spec.origin).parent
    card = read_card(folder / "card.toml")
    if plain(card.name) != plain(point.name):
        raise CardError(f"its card is called '{card.name}', its entry point '{point.name}'")
    return Entry(kind, card, folder, point)


def _keys(card: Card) -> Iterator[str]:
    return (plain(name) for name in (card.name, *card.aliases))


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)
