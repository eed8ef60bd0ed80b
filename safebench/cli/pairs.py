"""Options of the form NAME=VALUE."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from safebench.errors import ConfigError


def pairs(items: Sequence[str] | None, option: str = "--weights", value: str = "FILE") -> dict[str, str] | None:
    """`--weights NAME=FILE`, given any number of times; None where it is not given."""
    if items is None:
        return None
    by_name: dict[str, str] = {}
    for item in items:
        name, equals, given = item.partition("=")
        if not (name and equals and given):
            raise typer.BadParameter(f"'{item}' is not NAME={value}", param_hint=option)
        if by_name.setdefault(name, given) != given:
            raise ConfigError(f"{option} {item}: {name} is named twice; keep one of them")
    return by_name
