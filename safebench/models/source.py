"""What a Python source computes, as one checksum: its syntax tree without comments, docstrings and layout.

The tree is written down in a form of our own, since `ast.dump` gives other text under other versions of Python, as
byte code does.  So every version and every machine gives one file the same checksum.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from typing import Any

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_LEFT_OUT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields that say nothing of what is computed: `ctx` follows from the place, `kind` is the u of u"text"."""


def checksum(source: bytes) -> str:
    """sha256 (hex) of what a source computes; of the bytes themselves, where they are no Python that this one reads."""
    try:
        written = json.dumps(_plain(ast.parse(source)), ensure_ascii=True, separators=(",", ":")).encode()
    except (SyntaxError, ValueError, RecursionError):
        written = source
    return hashlib.sha256(written).hexdigest()


def imports(source: bytes, module: str, *, is_package: bool) -> set[str]:
    """The full names that a module imports anywhere in its code, relative ones resolved.

    `from a import b` gives `a` and `a.b`, as `b` may be a module.  So does a text that is a dotted name, as it may be
    imported by it.  Empty for what is no Python.
    """
    try:
        nodes = [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError, RecursionError):
        return set()
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".") if is_package else module.split(".")[:-1]
            start = above[: len(above) - node.level + 1] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names if alias.name != "*")}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _DOTTED.fullmatch(node.value):
            names.add(node.value)
    return names


def _plain(node: Any) -> Any:
    """A part of the tree as JSON knows it; empty fields are left out, as newer versions add such."""
    if isinstance(node, ast.Constant):
        return ["constant", type(node.value).__name__, _value(node.value)]
    if isinstance(node, ast.JoinedStr):
        return ["JoinedStr", _joined(node.values)]
    if isinstance(node, ast.AST):
        fields = ((name, _plain(value)) for name, value in ast.iter_fields(node) if name not in _LEFT_OUT)
        return [type(node).__name__, *([name, value] for name, value in fields if value not in (None, []))]
    if isinstance(node, list):
        return [_plain(item) for item in node if not _is_text(item)]
    return node


def _value(constant: Any) -> str:
    """A constant in digits that do not depend on the version: floats as hexadecimals."""
    if isinstance(constant, float):
        return constant.hex()
    if isinstance(constant, complex):
        return f"{constant.real.hex()} {constant.imag.hex()}"
    if isinstance(constant, int):
        return hex(constant)  # no limit on digits, unlike decimals
    return constant if isinstance(constant, str) else repr(constant)


def _is_text(item: Any) -> bool:
    """Whether a statement is a docstring, or any other text that stands for itself."""
    return isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) and isinstance(item.value.value, str)


def _joined(values: list[ast.expr]) -> list[Any]:
    """The parts of an f-string: versions differ in whether neighbouring texts are one, and empty ones are there."""
    parts: list[Any] = []
    for value in values:
        if not isinstance(value, ast.Constant):
            parts.append(_plain(value))
        elif parts and isinstance(parts[-1], str):
            parts[-1] += str(value.value)
        elif value.value:
            parts.append(str(value.value))
    return parts
