"""Options of a training: what is told where one cannot be."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from safebench.errors import ConfigError
from safebench.models import registry
from safebench.models.cards import Input
from safebench.models.contracts import Recipe
from safebench.training.config import make_configs
from safebench.training.limits import Channels, Decay, Rate


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rate: Rate = 0.1
    width: Channels = 8
    decay: Decay = 0.0


class Picky(Recipe):
    Config = Options
    sizes = Input(multiple_of=8, largest_side=128)


PICKY: Any = Picky  # none is made of it


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"precision": "half"}, "--precision half: fp32 or bf16"),
        ({"rate": "fast"}, "--rate fast: has to be a number above 0 and of at most 1"),
        ({"rate": "nan"}, "--rate nan: has to be a number above 0 and of at most 1"),
        ({"rate": "inf"}, "--rate inf: has to be a number above 0 and of at most 1"),
        ({"rate": 0}, "--rate 0: has to be a number above 0"),
        ({"width": "0"}, "--width 0: has to be a whole number of at least 1"),
        ({"decay": "1"}, "--decay 1: has to be a number of at least 0 and below 1"),
        ({"steps": "0"}, "--steps 0: has to be at least 1"),
        (
            {"resolution": 60},
            "--resolution 60: picky has to be trained with at most 128 pixels a side, in multiples of 8",
        ),
        ({"resolution": 136}, "--resolution 136: picky has to be trained with at most 128 pixels"),
        ({"window": 16}, "--window 16: has to lie between 32 and the resolution"),
        ({"window": 72}, "--window 72: has to lie between 32 and the resolution"),
        ({"window": 36}, "--window 36: picky has to be trained with at most 128 pixels a side, in multiples of 8"),
        ({"setps": 3}, "picky has no option 'setps'; its own are rate, width, decay; did you mean steps?"),
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


@pytest.mark.parametrize(
    ("recipe", "option", "value"),
    [
        ("edgeconnect", "width", 0),
        ("edgeconnect", "discriminator_rate", -1),
        ("aot-gan", "learning_rate", -1),
        ("edgeconnect", "discriminator_rate", "inf"),
        ("aot-gan", "lambda_l1", "nan"),
        ("aot-gan", "lambda_l1", "inf"),
        ("safepaint", "average", 1),
        ("hp-fcn", "width", 0),
        ("iid-net", "untouched", 2),
    ],
)
def test_recipes_tell_numbers_that_cannot_be(recipe, option, value):
    made = registry.find("recipes", recipe)[0].load_class()
    with pytest.raises(ConfigError, match=rf"{option.replace('_', '-')} {value}: has to be"):
        make_configs(made, recipe, "", None, {"images": ["x"], option: value})


def test_a_byte_order_mark_in_a_file_is_no_matter(tmp_path):
    file = tmp_path / "train.toml"
    file.write_bytes('images = ["x"]\nresolution = 64\nvalidate-every = 7\n'.encode("utf-8-sig"))
    assert make_configs(PICKY, "picky", "", file, {})[0].validate_every == 7
    file.write_bytes('images = ["x"]\n'.encode("utf-16"))
    with pytest.raises(ConfigError, match="is in UTF-16"):
        make_configs(PICKY, "picky", "", file, {})
