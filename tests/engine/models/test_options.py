"""Options of models: whom they reach, what is refused, and that results depend on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from safebench import load_inpainter
from safebench.commands.checking import check
from safebench.errors import ConfigError, WeightsError
from safebench.models import registry
from safebench.models.cards import Card, parse_card
from safebench.models.options import check_given, of_model, read_texts, text_for
from safebench.models.specs import participant
from safebench.runs.config import RunConfig


def card(name: str = "painter", options: str = 'prompt = ""\nsteps = 20\nguidance = 7.5\nfast = false') -> Card:
    return parse_card(
        f'name = "{name}"\naliases = ["brush"]\ntitle = "T"\nsummary = "S"\nfamily = "network"\n[options]\n{options}',
        "card.toml",
    )


def test_values_take_the_kind_of_their_defaults() -> None:
    said = of_model(card(), "", {"steps": "5", "guidance": "2", "fast": "true", "prompt": "7"})
    assert said == {"prompt": "7", "steps": 5, "guidance": 2.0, "fast": True}
    assert of_model(card(), "", {}) == {"prompt": "", "steps": 20, "guidance": 7.5, "fast": False}


@pytest.mark.parametrize("model", ["painter", "Brush", "mine"])
def test_what_is_said_of_one_model_goes_before_what_is_said_of_all(model: str) -> None:
    assert of_model(card(), "mine", {f"{model}.steps": 3, "steps": 5})["steps"] == 3
    assert of_model(card(), "mine", {model: {"steps": 3}, "steps": 5})["steps"] == 3
    assert of_model(card(), "other.name", {"other.name.steps": 4})["steps"] == 4
    assert of_model(card("another"), "", {"nobody.steps": 3})["steps"] == 20


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": "many"}, "--set steps=many: has to be a whole number"),
        ({"steps": 2.5}, "--set steps=2.5: has to be a whole number"),
        ({"steps": True}, "has to be a whole number"),
        ({"guidance": "x"}, "has to be a number"),
        ({"fast": "yes"}, "has to be true or false"),
        ({"prompt": 3}, "has to be a text"),
        ({"stepz": "3"}, "--set stepz=3: there is no such option; did you mean steps"),
        ({"seed": "3"}, "there are fast, guidance, prompt, steps"),
        ({"lama.steps": "3"}, "--set lama.steps=3: no model of that name takes part"),
    ],
)
def test_what_cannot_be_is_refused(given: dict, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_given(given, [(card(), "")])


def test_a_model_without_options_is_called_that() -> None:
    telea, _ = registry.find("inpainters", "telea")
    with pytest.raises(ConfigError, match="telea has no options"):
        check_given({"steps": 3}, [(telea.card, "")])
    copy, _ = registry.find("inpainters", "copy")
    with pytest.raises(ConfigError, match="copy and telea have no options"):
        check_given({"steps": 3}, [(telea.card, ""), (copy.card, "")])
    check_given({"steps": 3}, [(telea.card, ""), (card(), "")])


@pytest.mark.parametrize("name", [n for n, e in registry.entries("inpainters").items() if e.card.weights])
def test_a_wrong_option_is_told_before_weights_are_looked_for(name: str) -> None:
    said = f"--set {name}.sizee=3: "
    given: dict[str, Any] = {f"{name}.sizee": 3}
    with pytest.raises(ConfigError, match=said):
        load_inpainter(name, options=given)
    with pytest.raises(ConfigError, match=said):
        check(RunConfig(inpainters=(name,), set=given))


def test_a_wrong_value_is_told_before_weights_are_looked_for() -> None:
    def config(steps: int) -> RunConfig:
        return RunConfig(inpainters=("few=ldm", "telea"), weights={"few": "nowhere.ckpt"}, set={"steps": steps})

    with pytest.raises(ConfigError, match="--set steps=0: expected `int` >= 1"):
        check(config(0))
    with pytest.raises(WeightsError, match=r"nowhere\.ckpt"):
        check(config(1))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("a.png,a dog, running", "line 2 has not as many columns as the first one"),
        ("a.png", "line 2 has not as many columns as the first one"),
        ('a.png,"a dog\nb.png,a cat', "a quotation mark is not closed"),
    ],
)
def test_a_line_that_would_be_cut_is_refused(tmp_path, lines, said):
    file = tmp_path / "prompts.csv"
    file.write_text(f"photo,prompt\n{lines}\n")
    with pytest.raises(ConfigError, match=said):
        read_texts(str(file))


def test_texts_by_photo(tmp_path: Path) -> None:
    file = tmp_path / "prompts.csv"
    file.write_text('photo,prompt\na.png,"a dog, asleep"\nb,a cat\n', encoding="utf-8")
    texts = read_texts(str(file))
    assert [text_for(name, texts, "none") for name in ("a.png", "b.jpg", "c.png")] == ["a dog, asleep", "a cat", "none"]
    file.write_text("photo,prompt\na,x\na,y\n")
    with pytest.raises(ConfigError, match="names the photo a twice"):
        read_texts(str(file))
    file.write_text("name;prompt\n")
    with pytest.raises(ConfigError, match="the columns photo and prompt"):
        read_texts(str(file))
    with pytest.raises(ConfigError, match=r"missing\.csv"):
        read_texts(str(tmp_path / "missing.csv"))


def test_results_depend_on_options_and_on_what_texts_say(tmp_path: Path) -> None:
    spec = participant("inpainters", "telea")
    assert spec.options == {}
    one, other = (replace(spec, options={"prompt": text, "prompts": ""}) for text in ("", "a dog"))
    assert len({spec.identity, one.identity, other.identity}) == 3
    moved = replace(spec, options={"prompt": "", "prompts": "/elsewhere/x.csv"}, texts={"a": "b"})
    kept = replace(spec, options={"prompt": "", "prompts": "here/x.csv"}, texts={"a": "b"})
    assert moved.identity == kept.identity != replace(kept, texts={"a": "c"}).identity
    assert str(moved.described_options["prompts"]).startswith("x.csv (1 texts, sha256 ")
    assert moved.text("a.png") == "b"
    assert moved.text("z") == ""
