"""Options of inpainters, from what a user may write to what a model is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from safebench.errors import ConfigError
from safebench.models.cards import OptionValue

S = TypeVar("S", bound=msgspec.Struct)


def read_options(options: Mapping[str, OptionValue], kind: type[S], name: str = "") -> S:
    """The options as a model's own type; `name` is the model's, for the error where it is known.

    Raises ConfigError for the first value that cannot be.
    """
    try:
        return msgspec.convert(dict(options), kind)
    except msgspec.ValidationError as error:
        said, _, place = str(error).partition(" - at `$.")
        key = place.rstrip("`")
        model = f"{name}: " if name else ""
        raise ConfigError(f"{model}--set {key}={options.get(key)}: {said[:1].lower()}{said[1:]}") from None
