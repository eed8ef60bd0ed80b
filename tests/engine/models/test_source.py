"""A source's checksum follows what is computed: not comments, docstrings, layout or the version of Python."""

from __future__ import annotations

import pytest

from safebench.models import source

CODE = b'''
"""A module."""
import numpy as np
from .layers import Conv  # ours

RATE: float = 0.1


class Filter(Conv):
    """A filter."""

    size: int = 3
    """In pixels."""

    def run(self, x, *, name=u"x", scale=1_000):
        """Run it."""
        match x:
            case [first, *rest] if (n := len(rest)) > 2:
                return f"{first!r:>{n}}" "and" f"{name}{{}}", -1e-3, 2j, b"\\x00", ...
        return {**x, "a": x[1:2, ::3]}, lambda y: y @ x
'''


def test_every_version_of_python_gives_the_same_checksum() -> None:
    assert source.checksum(CODE) == "7b1762b448d6e8a7db111c72bc3524a33714b647a1f4e8cc083175514d835e70", (
        "counted with Python 3.10 to 3.13; results on record bear it"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"# ours", b"# of this package"),
        (b'"""A module."""\n', b""),
        (b'"""Run it."""', b'"""Run the\n\n        filter."""'),
        (b'"""In pixels."""', b'"""Pixels."""'),
        (b"1_000", b"1000"),
        (b'u"x"', b"'x'"),
        (b"return {**x, ", b"return {\n            **x, "),
        (b'"and" f"{name}{{}}"', b'f"and{name}" "{}"'),
    ],
)
def test_what_computes_nothing_does_not_count(old: bytes, new: bytes) -> None:
    assert old in CODE
    assert source.checksum(CODE.replace(old, new)) == source.checksum(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"0.1", b"0.1000000001"),
        (b"1e-3", b"1e-4"),
        (b"1_000", b"1_000.0"),
        (b"size: int = 3", b"size: int = 4"),
        (b"> 2", b">= 2"),
        (b'b"\\x00"', b'"\\x00"'),
        (b'"and"', b'"or"'),
        (b"(Conv)", b""),
        (b"from .layers", b"from ..layers"),
        (b"import Conv", b"import Convolution as Conv"),
        (b"x[1:2", b"x[:2"),
        (b"class Filter", b"@final\nclass Filter"),
    ],
)
def test_what_computes_something_counts(old: bytes, new: bytes) -> None:
    assert CODE.count(old) == 1
    assert source.checksum(CODE.replace(old, new)) != source.checksum(CODE)


def test_what_is_no_python_counts_byte_by_byte() -> None:
    assert len({source.checksum(text) for text in (b"def (", b"def  (", b"x = 1\0", b"")}) == 4


def test_imports_are_found_wherever_they_stand() -> None:
    code = b"import a.b, c as d\nfrom . import e\ndef f():\n    from ..g.h import i\n    from j import *\n"
    expected = {"a.b", "c", "p.q", "p.q.e", "p.g.h", "p.g.h.i", "j"}
    assert source.imports(code, "p.q.module", is_package=False) == expected
    assert source.imports(b"from . import e", "p.q", is_package=True) == {"p.q", "p.q.e"}
    assert source.imports(b"def (", "p", is_package=False) == set()
