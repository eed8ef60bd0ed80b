"""A kind is one record: what it names is there, and every folder of its kind is held against its suite."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from safebench.models import kinds, registry
from safebench.testing.contract import Contract

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.name)
def test_what_a_kind_names_is_there(kind):
    contract = kind.load_contract()
    for entry in registry.entries(kind.name).values():
        if entry.card.extra:
            continue
        assert issubclass(entry.load_class(), contract), entry.name


@pytest.mark.parametrize("kind", kinds.MODELS, ids=lambda kind: kind.name)
def test_every_model_is_held_against_the_suite_of_its_kind(kind):
    module, _, name = kind.suite.partition(":")
    suite = getattr(importlib.import_module(module), name)
    assert issubclass(suite, Contract)
    assert suite.kind == kind.name
    written = "".join(path.read_text() for path in (ROOT / "tests" / kind.name).glob("test_*.py"))
    tested = set(re.findall(rf"class \w+\((?:\w+\.)?{name}\):\n(?:    .*\n|\n)*?    name = \"([^\"]+)\"", written))
    ours = {entry.name: entry for entry in registry.entries(kind.name).values() if entry.package == "safebench"}
    needs_more = {name for name, entry in ours.items() if entry.card.extra}  # a pipeline of diffusers, say
    assert not ours.keys() - tested - needs_more


def test_a_kind_that_is_none_is_a_mistake():
    with pytest.raises(KeyError):
        kinds.kind("paintings")


def test_every_folder_with_a_card_is_found_as_its_kind():
    for kind in kinds.KINDS:
        for card in (ROOT / kind.name).glob("*/card.toml"):
            folders = {entry.folder.resolve() for entry in registry.entries(kind.name).values()}
            assert card.parent in folders, card
