"""Options that take several names."""

from __future__ import annotations

from collections.abc import Iterable

from safebench.errors import ConfigError


def split(names: Iterable[str] | None, option: str, whole: str = ":") -> list[str] | None:
    """`--detector a,b --detector c` is three; a comma inside a path after the colon (`whole`) is the path's own.

    Raises ConfigError where nothing stands before, between or after commas, as for an unset variable of a shell's.
    """
    if names is None:
        return None
    parts = []
    for name in names:
        parts += [name] if whole and whole in name else name.split(",")
        if not all(part.strip() for part in parts):
            raise ConfigError(f"{option} {name}: nothing stands before, between or after its commas")
    return parts


def whole_numbers(text: str | None, option: str) -> tuple[int, ...] | None:
    """`100,500` as numbers; None where it is not given.  Raises ConfigError where one is none."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(f"{option} {text}: has to be whole numbers, separated by commas") from None
