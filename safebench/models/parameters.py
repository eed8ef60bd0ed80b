"""The number after the colon of `jpeg:75`: read as its card says, or refused with a sentence."""

from __future__ import annotations

import math

from safebench.errors import ConfigError
from safebench.models.cards import Card, Parameter


def parse(card: Card, text: str) -> tuple[float, frozenset[str]]:
    """The number and the words of `NUMBER+WORD`; (nan, no words) where the card asks for none and none is given.

    Raises ConfigError, naming what may stand there.
    """
    parameter = card.parameter
    if parameter is None:
        if text and card.argument == "parameter":
            raise ConfigError(f"{card.name}:{text}: {card.name} takes nothing after a colon")
        return math.nan, frozenset()
    number, *words = text.split("+")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not number:
        example = f"{card.name}:{parameter.highest:g}"
        raise ConfigError(f"{card.name}: say which {parameter.name}, {_allowed(parameter)}, as {example}")
    if not _fits(parameter, value):
        raise ConfigError(f"{card.name}:{text}: '{number}' is no {parameter.name}, which is {_allowed(parameter)}")
    for word in words:
        if word not in parameter.words:
            known = f"it takes {', '.join('+' + w for w in parameter.words)}" if parameter.words else "it takes none"
            raise ConfigError(f"{card.name}:{text}: '+{word}' is neither a post-processing nor a word for it ({known})")
    return value, frozenset(words)


def canonical(card: Card, text: str) -> str:
    """The argument as the tables hold it, however it was written: `75.0` is `75`."""
    if card.parameter is None:
        return text
    value, words = parse(card, text)
    return "+".join([f"{value:g}", *sorted(words)])


def _fits(parameter: Parameter, value: float) -> bool:
    if not parameter.lowest <= value <= parameter.highest:  # NaN compares false
        return False
    return not parameter.step or ((value - parameter.lowest) / parameter.step).is_integer()


def _allowed(parameter: Parameter) -> str:
    whole = "whole " if parameter.step else ""
    steps = f" in steps of {parameter.step:g}" if parameter.step > 1 else ""
    return f"a {whole}number from {parameter.lowest:g} to {parameter.highest:g}{steps}"
