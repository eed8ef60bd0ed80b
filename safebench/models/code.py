"""The code that a model's numbers come from: which files those are, and one checksum of what they compute.

They are the adapter's own package folder (all files, so that scripts it starts and tables it opens are among them),
what these import of their own distribution, the tables that its packages hold outside of all models' folders, and of
SafeBench the packages that compute for models.  Left out are the weights that the card names (they have a checksum of
their own), texts for people, and what only the model's recipe imports.  A change of comments, docstrings or layout is
none (`safebench.models.source`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

import msgspec

from safebench.errors import PluginError
from safebench.keys import digest
from safebench.models import kinds, registry, source
from safebench.models.cards import Card
from safebench.models.registry import Entry
from safebench.weights.fetch import downloads

_ENGINE = "safebench"
_COMPUTING = ("safebench.exchange", "safebench.models.generic", "safebench.models.toolbox")
"""Of the engine, what computes for models that import it; the rest of it is the same for all, and the protocol's."""
_RECIPE = kinds.kind("recipes").file.removesuffix(".py")
_FOR_PEOPLE = frozenset({".md", ".rst", ".pyi", ".pyc", ".typed"})


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """What is on record of a model's code: its checksum, and the distribution that it came from."""

    sha256: str
    package: str
    package_version: str

    @property
    def identity(self) -> tuple[str, ...]:
        """What a result depends on: another distribution's version counts, as it may bring what is no Python.

        SafeBench's own does not: all that its models compute with is in the checksum, so that a release which leaves a
        model as it was leaves its results as they were.
        """
        return (self.sha256,) if self.package == _ENGINE else (self.sha256, self.package, self.package_version)

    @property
    def label(self) -> str:
        """As a sentence names it: `safebench-fake 0.1, code 1a2b3c4d`."""
        return f"{self.package} {self.package_version}, code {self.sha256[:8]}"


_before_import: dict[str, Code] = {}
"""Of each adapter's module, the code as it was before this process imported it."""


def code_of(entry: Entry) -> Code:
    """The code that `entry` stands for, as it lies on the disk.

    Raises PluginError where this process has imported the model and its code was changed since: what is in memory would
    then make results that bear the name of what is on the disk.
    """
    code = Code(sha256=_checksum(entry), package=entry.package, package_version=entry.package_version)
    module = entry.entry_point.module
    if module not in sys.modules:
        _before_import[module] = code
    elif _before_import.setdefault(module, code) != code:
        raise PluginError(
            f"{entry.name}: its code was changed after this process had imported it ({entry.folder}); "
            "start Python again, so that what is measured is what is there"
        )
    return code


def _checksum(entry: Entry) -> str:
    """One checksum of all files, each under its module's name or its place in the folder."""
    module = entry.entry_point.module
    modules = _closure([module], _own(entry))
    files: dict[str, str] = {}
    if "." in module:  # a module that lies in no package has no folder of its own
        package = module.rpartition(".")[0]
        inside = {f"{package}.{name}": name for name in _names(entry.folder)}
        recipe = _closure([name for name in inside if name == f"{package}.{_RECIPE}"], _own(entry))
        modules |= _closure([name for name in inside if name not in recipe], _own(entry))
        files = {path.relative_to(entry.folder).as_posix(): downloads.digest(path) for path in _tables(entry)}
        files |= {f"{package}:{place}": downloads.digest(path) for package, place, path in _shared(entry, modules)}
    sums = {name: _file_checksum(path) for name in modules if (path := _find(name)[0])}
    return digest(sorted(sums.items()), sorted(files.items()), _rules(entry.card))


def _rules(card: Card) -> list[object]:
    """What the card decides of the numbers: what the model is shown, and whose its score is."""
    asked = ((field, getattr(card.input, field.name)) for field in msgspec.structs.fields(card.input))
    return [card.score.source, *((field.name, value) for field, value in asked if value != field.default)]


def _names(folder: Path) -> Iterator[str]:
    """The names of the modules in a package's folder, relative to it."""
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name and not any(part.startswith(".") for part in parts):
            yield name


def _tables(entry: Entry) -> Iterator[Path]:
    """What else lies in the folder and may be computed with."""
    weights = entry.card.weights
    packed = [text.removeprefix("package:") for w in weights for f in w.files for text in f.sources]
    named = {entry.folder / name for name in (*packed, *(w.shipped for w in weights), *(w.file for w in weights))}
    named |= {entry.folder / w.shipped_photos for w in weights if w.shipped_photos}
    yield from (path for path in _counted(entry.folder) if named.isdisjoint({path, *path.parents}))


def _counted(folder: Path) -> Iterator[Path]:
    """The files below a folder that are no Python, hidden, or for people."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.suffix not in _FOR_PEOPLE | {".py"} and path.name != "card.toml" and not hidden and path.is_file():
            yield path


def _shared(entry: Entry, modules: Iterable[str]) -> Iterator[tuple[str, str, Path]]:
    """What the packages of `modules` hold beside it that is no Python, outside of all models' folders.

    Each with its package and its place there.
    """
    others = {other.folder for kind in kinds.MODELS for other in registry.entries(kind.name).values()} - {entry.folder}
    for package in sorted({name.partition(".")[0] for name in modules} - {_ENGINE}):
        path, is_package = _find(package)
        if not path or not is_package:
            continue
        root = path.parent
        inside = {folder for folder in (*others, entry.folder) if root in folder.parents}
        for file in _counted(root):
            if inside.isdisjoint(file.parents):
                yield package, file.relative_to(root).as_posix(), file


def _own(entry: Entry) -> frozenset[str]:
    """The packages that count as the model's own: those of its distribution, or SafeBench's that compute."""
    listed = (entry.entry_point.dist.read_text("top_level.txt") or "").split() if entry.entry_point.dist else []
    own = {entry.entry_point.module.partition(".")[0], *listed} - {_ENGINE}
    return frozenset({*own, *_COMPUTING})


def _closure(starts: Iterable[str], own: frozenset[str]) -> set[str]:
    """The modules `starts`, the packages they lie in, and all that they import of the packages `own`."""
    modules: set[str] = set()
    waiting = [*starts]
    while waiting:
        name = waiting.pop()
        if name in modules or not any(name == package or name.startswith(f"{package}.") for package in own):
            continue
        path, is_package = _find(name)
        if not path and not is_package:
            continue
        modules.add(name)
        waiting.append(name.rpartition(".")[0])
        if path and path.suffix == ".py":
            waiting += _imports(path.read_bytes(), name, is_package=is_package)
    return modules


def _find(name: str) -> tuple[Path | None, bool]:
    """A module's file, and whether it is a package; (None, False) where there is none.  Nothing is imported."""
    top, *parts = name.split(".")
    spec = find_spec(top)
    for k, _ in enumerate(parts):
        if spec is None or spec.submodule_search_locations is None:
            return None, False
        spec = PathFinder.find_spec(".".join([top, *parts[: k + 1]]), [*spec.submodule_search_locations])
    if spec is None:
        return None, False
    path = Path(spec.origin) if spec.origin and spec.has_location else None
    return path, spec.submodule_search_locations is not None


def _file_checksum(path: Path) -> str:
    return _source_checksum(path.read_bytes()) if path.suffix == ".py" else downloads.digest(path)


_source_checksum = lru_cache(maxsize=4096)(source.checksum)
_imports = lru_cache(maxsize=4096)(source.imports)
