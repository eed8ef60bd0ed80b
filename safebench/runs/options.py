"""From what a person wrote to checked options: one sentence, in the words they used, for what cannot be."""

from __future__ import annotations

import contextlib
import difflib
import operator
import os
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from safebench.errors import ConfigError
from safebench.files import read_text
from safebench.keys import plain

T = TypeVar("T", bound=msgspec.Struct)
Said = Callable[[str, Any], str]
"""How an option and its value were written."""
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
}


def as_flag(name: str, value: Any) -> str:
    """On the command line: `--lpips-net vgg`, `--assembly spliced,regenerated`."""
    written = ",".join(map(str, value)) if isinstance(value, list | tuple) else value
    return f"--{name.replace('_', '-')} {written}"


def as_argument(name: str, value: Any) -> str:
    """In Python: `lpips_net='vgg'`."""
    return f"{name}={value!r}"


def in_file(path: Path) -> Said:
    """In a TOML file: `suite.toml: lpips_net = "vgg"`."""
    return lambda name, value: f"{path}: {name} = {_as_toml(value)}"


def read_options(path: Path) -> dict[str, Any]:
    """The options in a TOML file, whose keys may have - for _.

    Raises ConfigError where it cannot be read, or a key is there in both spellings.
    """
    try:
        options: dict[str, Any] = msgspec.toml.decode(read_text(path))
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: is not TOML as it has to be ({error})") from None
    except RecursionError:
        raise ConfigError(f"{path}: is not TOML as it has to be (it is nested too deeply)") from None
    spelled: dict[str, str] = {}
    for key in options:
        if (other := spelled.setdefault(key.replace("-", "_"), key)) != key:
            raise ConfigError(f"{path}: {other} and {key} are the same option; keep one of them")
    return {name: options[key] for name, key in spelled.items()}


def convert(values: Mapping[str, Any], into: type[T], said: Said, *, strict: bool = True) -> T:
    """The options as a struct; raises ConfigError for the first that is unknown or cannot be.

    Paths may be given as such.  strict: text stands for text alone, not for a number.
    """
    values = {name: plain_values(value) for name, value in values.items()}
    known = {field.encode_name: field.type for field in msgspec.structs.fields(into)}
    for name, value in values.items():
        if name not in known:
            guess = guessed(name, known) or f"there are {', '.join(known)}"
            raise ConfigError(f"{said(name, value)}: there is no such option; {guess}")
        try:
            msgspec.convert(value, known[name], strict=strict)
        except msgspec.ValidationError as error:
            wanted = describe(known[name])
            if get_origin(known[name]) is not Literal:
                wanted = f"has to be {wanted}" if wanted else str(error)
            raise ConfigError(f"{said(name, value)}: {wanted}") from None
    try:
        return msgspec.convert(values, into, strict=strict)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error)) from None


def guessed(name: str, known: Iterable[str]) -> str:
    """`did you mean lpips_net?`; empty where nothing is spelt nearly so."""
    spelled = {plain(option): option for option in known}
    close = difflib.get_close_matches(plain(name), spelled, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(spelled[key] for key in close)}?" if close else ""


def describe(kind: Any) -> str:
    """What a type asks for, in words: `alex, vgg or squeeze`, `a whole number or auto`; empty where it has no words."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return either([str(value) for value in inner])
    if origin is Annotated:
        return " ".join([describe(inner[0]), *(_limits(part) for part in inner[1:] if isinstance(part, msgspec.Meta))])
    if origin in (Union, types.UnionType):
        return either([describe(part) for part in inner if part is not types.NoneType])
    if origin is tuple and len(inner) == 2 and inner[1] is Ellipsis:
        return f"a list of {'texts' if inner[0] is str else 'values'}, in [brackets]"
    if origin is dict:
        return "a table of names and texts"
    return _WORDS.get(kind, "")


def _limits(meta: msgspec.Meta) -> str:
    """`of at least 1`, `above 0 and of at most 1`."""
    words = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}
    limits = {word: getattr(meta, name) for name, word in words.items()}
    return " and ".join(f"{word} {limit}" for word, limit in limits.items() if limit is not None)


def either(words: list[str]) -> str:
    """`alex, vgg or squeeze`."""
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def plain_values(value: Any) -> Any:
    """The value with every path in it as text, and NumPy's whole numbers as Python's."""
    if not isinstance(value, int) and hasattr(value, "__index__"):
        with contextlib.suppress(TypeError):  # an array has it, and is none
            return operator.index(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, list | tuple):
        return [plain_values(part) for part in value]
    if isinstance(value, Mapping):
        return {name: plain_values(part) for name, part in value.items()}
    return value


def _as_toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_as_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)
