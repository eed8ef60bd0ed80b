"""The number after the colon of a post-processing's name."""

from __future__ import annotations

import math

import pytest

from safebench.errors import ConfigError
from safebench.models.cards import Card, parse_card
from safebench.models.parameters import canonical, parse

CARD = """
name = "soften"
title = "Soften"
summary = "Softens."
family = "smoothing"
argument = "parameter"
[parameter]
name = "side"
lowest = 3
highest = 9
step = 2
milder = "lower"
words = ["twice", "gently"]
"""


@pytest.fixture
def card() -> Card:
    return parse_card(CARD, "here")


def test_a_number_and_its_words_are_read(card):
    assert parse(card, "5") == (5.0, frozenset())
    assert parse(card, "9+twice+gently") == (9.0, frozenset({"twice", "gently"}))


@pytest.mark.parametrize(("written", "label"), [("5", "5"), ("5.0", "5"), ("5e0+twice+gently", "5+gently+twice")])
def test_one_condition_has_one_name_however_it_is_written(card, written, label):
    assert canonical(card, written) == label


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"soften: say which side, a whole number from 3 to 9 in steps of 2, as soften:9"),
        ("4", r"'4' is no side, which is a whole number from 3 to 9 in steps of 2"),
        ("11", "'11' is no side"),
        ("nan", "'nan' is no side"),
        ("five", "'five' is no side"),
        ("5+harshly", r"'\+harshly' is neither a post-processing nor a word for it \(it takes \+twice, \+gently\)"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(card, text, says):
    with pytest.raises(ConfigError, match=says):
        parse(card, text)


def test_without_a_parameter_nothing_may_follow():
    card = parse_card(CARD[: CARD.index("[parameter]")], "here")
    level, words = parse(card, "")
    assert math.isnan(level)
    assert not words
    with pytest.raises(ConfigError, match="takes nothing after a colon"):
        parse(card, "5")
