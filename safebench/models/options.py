"""Options of models (`--set`): which a model has, with which defaults, says the table `[options]` of its card.

An option is of its default's kind: a text, a whole number, a number, or true and false.  `KEY=VALUE` reaches every
model of the command that has the option, `MODEL.KEY=VALUE` the one of that name or label, and goes before the other.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from safebench.errors import ConfigError
from safebench.files import expanded, read_text
from safebench.keys import plain
from safebench.models.cards import Card, OptionValue

Given = Mapping[str, OptionValue | Mapping[str, OptionValue]]
"""As a person gives them: by `KEY`, `MODEL.KEY`, or by model and key."""
NONE: Given = {}
PROMPT, PROMPTS = "prompt", "prompts"
"""Of a model whose card says `text = true`: the text for all photos, and a CSV of texts by photo."""


def of_model(card: Card, label: str, given: Given) -> dict[str, OptionValue]:
    """All options of a model: its card's defaults, and what is given for it.

    Raises ConfigError where a value is of another kind than the default.
    """
    options = dict(card.options)
    for mine in (False, True):  # what is given for this model alone comes last
        for model, key, value in _split(given):
            if key in options and bool(model) == mine and (not model or _is(card, label, model)):
                options[key] = _like(options[key], value, f"{model}.{key}" if model else key)
    return options


def check_given(given: Given, models: Iterable[tuple[Card, str]]) -> None:
    """Raise ConfigError for the first option that none of the models, each with its label, has."""
    known = list(models)
    for model, key, value in _split(given):
        meant = [card for card, label in known if not model or _is(card, label, model)]
        said = f"--set {f'{model}.' if model else ''}{key}={value}"
        if not meant:
            raise ConfigError(f"{said}: no model of that name takes part")
        names = {name for card in meant for name in card.options}
        if key in names:
            continue
        if not names:
            without = sorted({card.name for card in meant})
            raise ConfigError(f"{said}: {' and '.join(without)} {'has' if len(without) == 1 else 'have'} no options")
        close = difflib.get_close_matches(key, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(names))}"
        raise ConfigError(f"{said}: there is no such option; {hint}")
    for card, label in known:
        of_model(card, label, given)


def read_texts(path: str) -> dict[str, str]:
    """The texts of a CSV with the columns `photo` and `prompt`, by the photo's name; {} for no path.

    Raises ConfigError where it cannot be read, lacks a column, or names a photo twice, and where a line falls into
    more columns than the first one, or fewer: a text with a comma that stands in no quotation marks would be cut there.
    """
    if not path:
        return {}
    file = expanded(path)
    rows = csv.DictReader(io.StringIO(read_text(file), newline=""), strict=True)
    if not {"photo", PROMPT} <= set(rows.fieldnames or ()):
        raise ConfigError(f"{file}: needs a first line with the columns photo and {PROMPT}, separated by a comma")
    texts: dict[str, str] = {}
    try:
        for row in rows:
            if None in row or None in row.values():
                raise ConfigError(
                    f"{file}: line {rows.line_num} has not as many columns as the first one; a text with a comma in it "
                    'has to stand between quotation marks, "a dog, running"'
                )
            if row["photo"] in texts:
                raise ConfigError(f"{file}: names the photo {row['photo']} twice")
            texts[row["photo"]] = row[PROMPT]
    except csv.Error as error:
        raise ConfigError(f"{file}: line {rows.line_num}: a quotation mark is not closed ({error})") from None
    return texts


def text_for(photo: str, texts: Mapping[str, str], otherwise: str) -> str:
    """The text for a photo: of its name, or of its name without the ending; `otherwise` where there is none."""
    return texts.get(photo, texts.get(Path(photo).stem, otherwise))


def _split(given: Given) -> Iterator[tuple[str, str, OptionValue]]:
    """Model ("" for all), key and value."""
    for name, value in given.items():
        if isinstance(value, Mapping):
            yield from ((name, key, inner) for key, inner in value.items())
        else:
            model, _, key = name.rpartition(".")
            yield model, key, value


def _is(card: Card, label: str, model: str) -> bool:
    return label == model or plain(model) in {plain(name) for name in (card.name, *card.aliases)}


def _like(default: OptionValue, value: OptionValue, name: str) -> OptionValue:
    """The value in its default's kind."""
    if isinstance(default, bool):
        words = {"true": True, "false": False}
        if (given := str(value).lower()) in words:
            return words[given]
        raise ConfigError(f"--set {name}={value}: has to be true or false")
    if isinstance(default, str):
        if isinstance(value, str):
            return value
        raise ConfigError(f"--set {name}={value}: has to be a text")
    kind, words_for = (int, "a whole number") if isinstance(default, int) else (float, "a number")
    try:
        if isinstance(value, bool) or (kind is int and isinstance(value, float)):
            raise ValueError
        return kind(value)
    except ValueError:
        raise ConfigError(f"--set {name}={value}: has to be {words_for}") from None
