"""Arrows point one way: what imports what, read from the sources; imports for type checking count as the others do."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from safebench.models.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {name for kind in KINDS for name in (kind.name, kind.package)}


def modules(root: Path) -> dict[str, Path]:
    """Every module of the package `safebench` below `root`, by its dotted name; a package is its `__init__`."""
    found = {}
    for path in (root / "safebench").rglob("*.py"):
        found[".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


def imported(name: str, path: Path) -> Iterator[str]:
    """The dotted names that a module imports, wherever in it: `from a import b` gives `a.b`."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def circles(root: Path) -> list[str]:
    """The circles of imports among the parts of each package, one a package: `a -> b -> a`.

    Two modules that import each other, however far apart they lie, show among the parts of the package that holds both.
    """
    known = modules(root)
    parts: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, path in known.items():
        for whole in imported(name, path):
            target = whole if whole in known else whole.rpartition(".")[0]
            if target in known and target != name:
                package, ours, theirs = _parting(name, target)
                parts[package][ours].add(theirs)
    found = []
    for graph in parts.values():
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            found.append(" -> ".join(reversed(error.args[1])))
    return found


def _parting(name: str, other: str) -> tuple[str, str, str]:
    """The innermost package that holds both modules, and the part of it in which each lies."""
    ours, theirs = [*name.split("."), "__init__"], [*other.split("."), "__init__"]
    depth = next(k for k in range(len(ours)) if ours[: k + 1] != theirs[: k + 1])
    return ".".join(ours[:depth]), ".".join(ours[: depth + 1]), ".".join(theirs[: depth + 1])


def test_nothing_imports_in_a_circle():
    assert circles(ROOT) == []


def test_the_engine_names_no_model():
    for name, path in modules(ROOT).items():
        named = [one for one in imported(name, path) if one.partition(".")[0] in FORBIDDEN]
        assert not named, f"{name} imports {named}"


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ({"a.py": "import safebench.b", "b.py": "x = 1"}, []),
        ({"a.py": "from safebench import b", "b.py": "from . import a"}, ["safebench.a -> safebench.b -> safebench.a"]),
        (
            {"a.py": "if TYPE_CHECKING:\n    from safebench.b import X", "b.py": "def f():\n    import safebench.a"},
            ["safebench.a -> safebench.b -> safebench.a"],
        ),
        (
            {"p/one.py": "from ..q import two", "q/two.py": "import safebench.r", "r/x.py": "import safebench.p"},
            ["safebench.p -> safebench.q -> safebench.r -> safebench.p"],
        ),
        (
            {"p/__init__.py": "from safebench.p.one import X", "p/one.py": "from safebench.p import Y"},
            ["safebench.p.__init__ -> safebench.p.one -> safebench.p.__init__"],
        ),
        ({"p/__init__.py": "from .one import X", "p/one.py": "import torch, safebench_of_others"}, []),
    ],
)  # fmt: skip
def test_a_circle_is_seen_and_an_arrow_is_not(tmp_path, sources, found):
    for name, text in sources.items():
        path = tmp_path / "safebench" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.parents:
            if folder != tmp_path and folder.is_relative_to(tmp_path):
                (folder / "__init__.py").touch()
    assert [_turned(one) for one in circles(tmp_path)] == found


def _turned(circle: str) -> str:
    """The same circle, begun at its first name by the alphabet."""
    names = circle.split(" -> ")[:-1]
    start = names.index(min(names))
    return " -> ".join([*names[start:], *names[:start], names[start]])
