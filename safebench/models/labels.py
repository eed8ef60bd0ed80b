"""Names of a user's own for models: `mine=torchscript:x.pt`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from safebench.errors import ConfigError
from safebench.keys import plain
from safebench.models import registry
from safebench.protocol import NO_POSTPROCESS, ORIGINAL

LONGEST: Final = 40
_LABEL = re.compile(r"\w(?:[\w .@-]*[\w.])?")


def split_label(name: str) -> tuple[str, str]:
    """The label and the model of `LABEL=NAME`, `LABEL=NAME:VARIANT`; "" and the name where there is no label.

    An equals sign behind the first colon belongs to a path.  Raises ConfigError where nothing stands before the sign.
    """
    head, equals, rest = name.partition("=")
    if equals and not head.strip():
        raise ConfigError(f"{name}: no name stands before the equals sign; write LABEL=NAME, or NAME alone")
    return (head, rest) if equals and ":" not in head else ("", name)


def check_label(kind: str, label: str, model: str) -> None:
    """Raise ConfigError where a label cannot stand in tables and names of folders, or is the name of another model.

    kind: `inpainters` or `detectors`.  model: the registered name of the model that is to bear it.
    """
    said = f"{label!r} cannot be the name of a model"
    if len(label) > LONGEST or not _LABEL.fullmatch(label):
        raise ConfigError(
            f"{said}: it needs 1 to {LONGEST} letters, digits, blanks, dots, hyphens, underscores or at signs, and "
            "begins with a letter, a digit or an underscore"
        )
    if plain(label) in {"", "all", plain(ORIGINAL), plain(NO_POSTPROCESS)}:
        raise ConfigError(f"{said}: the word means something else here")
    for entry in registry.entries(kind).values():
        if plain(label) in {plain(name) for name in (entry.name, *entry.card.aliases)} and entry.name != model:
            raise ConfigError(f"{said}: {entry.name} is another one, which it would be taken for")


def check_told_apart(names: Iterable[str]) -> None:
    """Raise ConfigError where one label is given to two models; it may differ in capitals and signs alone."""
    bearers: dict[str, str] = {}
    for name in names:
        label, _ = split_label(name)
        if label and bearers.setdefault(plain(label), name) != name:
            raise ConfigError(
                f"{bearers[plain(label)]} and {name}: two models are called {label}; give each its own name"
            )
