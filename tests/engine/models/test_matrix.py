"""The page of models is what the cards say, and lists each of them."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

from safebench.models import kinds, matrix, registry
from safebench.models.cards import parse_card
from safebench.models.registry import Entry

from ..published import CARD

PAGE = Path(__file__).resolve().parents[3] / "docs" / "models.md"


def test_the_page_is_what_make_models_writes():
    assert PAGE.read_text(encoding="utf-8") == matrix.page(), "make models writes it anew"


def test_every_model_that_comes_with_safebench_is_there():
    for kind in kinds.MODELS:
        for entry in registry.entries(kind.name).values():
            assert (f"| `{entry.name}` |" in matrix.page()) == (entry.package == "safebench")


def line(card, tmp_path):
    entry = Entry("detectors", parse_card(CARD + card, "test"), tmp_path, EntryPoint("paper-net", "x:A", "g"))
    return matrix._line(entry)


def test_weights_are_told_with_size_terms_and_whether_they_can_be_fetched(tmp_path):
    licence = '[licence]\nweights = "CC BY 4.0"\nterms_url = "https://t.example"\n'
    known = licence + '[[weights]]\nvariant = "v1"\nfile = "net.pth"\n'
    fetched = line(known + 'size = 2500000\nsources = ["https://a.example/net.pth"]', tmp_path)
    assert fetched[3] == "v1 `net.pth` (2.5 MB): CC BY 4.0 (https://t.example)"
    by_hand = line(known + 'page = "https://drive.example"', tmp_path)
    assert "(size not published, to be fetched by hand)" in by_hand[3]
    assert "(not published)" in line(known, tmp_path)[3]
    assert "(ships, trained here)" in line(known + 'shipped = "w.safetensors"', tmp_path)[3]


def test_a_model_without_weights_says_what_it_takes_and_needs(tmp_path):
    told = line('extra = "jpeg"\n[input]\nmultiple_of = 8\nreads = "files"', tmp_path)
    assert told[3:] == ("none", "sides that are multiples of 8, read as files", "`safebench[jpeg]`")


def test_text_of_a_card_never_becomes_a_column():
    assert matrix._table(("a",), [("x | y\n z",)]).splitlines()[-1] == "| x \\| y z |"
