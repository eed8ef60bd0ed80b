"""Options of a training: what is told where one cannot be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safebench.errors import ConfigError
from safebench.models.cards import Input
from safebench.models.contracts import Recipe
from safebench.training.config import make_configs


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rate: float = 0.1


class Picky(Recipe):
    Config = Options
    sizes = Input(multiple_of=8, largest_side=128)


PICKY: Any = Picky  # none is made of it


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"precision": "half"}, "--precision half: fp32 or bf16"),
        ({"rate": "fast"}, "--rate fast: has to be a number"),
        ({"steps": "0"}, "--steps 0: has to be at least 1"),
        (
            {"resolution": 60},
            "--resolution 60: picky has to be trained with at most 128 pixels a side, in multiples of 8",
        ),
        ({"resolution": 136}, "--resolution 136: picky has to be trained with at most 128 pixels"),
        ({"setps": 3}, "picky has no option 'setps'; its own are rate; did you mean steps?"),
    ],
)
def test_what_cannot_be_is_told_as_it_was_written(tmp_path, options, told):
    given = {"images": ["x"], "resolution": 64}
    with pytest.raises(ConfigError) as error:
        make_configs(PICKY, "picky", "", None, {**given, **options})
    assert told in str(error.value)
    [(name, value)] = options.items()
    if told.startswith("--"):
        file = tmp_path / "train.toml"
        file.write_text(f'{name} = "{value}"\n' if isinstance(value, str) else f"{name} = {value}\n")
        with pytest.raises(ConfigError, match=rf"train\.toml: {name} = "):
            make_configs(PICKY, "picky", "", file, {key: value for key, value in given.items() if key != name})


def test_a_byte_order_mark_in_a_file_is_no_matter(tmp_path):
    file = tmp_path / "train.toml"
    file.write_bytes('images = ["x"]\nresolution = 64\nvalidate-every = 7\n'.encode("utf-8-sig"))
    assert make_configs(PICKY, "picky", "", file, {})[0].validate_every == 7
    file.write_bytes('images = ["x"]\n'.encode("utf-16"))
    with pytest.raises(ConfigError, match="is in UTF-16"):
        make_configs(PICKY, "picky", "", file, {})
