"""What identifies a checkpoint: the sha256 of all the bytes that are opened when it is used, each read once."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from safebench.errors import WeightsError
from safebench.exchange.finding import read_scores
from safebench.exchange.settings import read_command, read_map_settings
from safebench.weights.fetch import downloads
from safebench.weights.read.mistaken import check_stands_for_itself
from safebench.weights.read.onnx_graph import NoGraphError, external_files


def of_file(path: Path) -> str:
    """sha256 of a file; raises WeightsError where it cannot be read."""
    try:
        return downloads.digest(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from None


def of_folder(folder: Path) -> str:
    """sha256 of the names and checksums of a folder's files in sorted order, of those behind links too.

    What is hidden (git's own copies, a downloader's notes) does not count.  Raises WeightsError where a file is a
    pointer to another, is a web page, or cannot be read.
    """
    files = {path.relative_to(folder).as_posix(): path for path in walk(folder)}
    for path in files.values():
        check_stands_for_itself(path)
    return combined({name: of_file(path) for name, path in files.items()})


def of_network(path: Path) -> str:
    """sha256 of a user's own network: its file, FILE.toml beside it, and the files that an ONNX graph names.

    Raises WeightsError where one of them is missing or cannot be read, is a pointer or a web page, or does not lie
    beside the graph.
    """
    settings = path.with_suffix(".toml")
    files = {path.suffix: path, **({settings.suffix: settings} if settings.is_file() else {})}
    with contextlib.suppress(NoGraphError):  # another kind of network is one file
        files |= {f"data/{name}": file for name, file in external_files(path).items()}
    for file in files.values():
        check_stands_for_itself(file)
    return combined({name: of_file(file) for name, file in files.items()})


def of_command(file: Path, kind: str) -> str:
    """sha256 of the file of a command and of all files that it names, whatever they are for.

    Raises ConfigError where the file cannot be read as such, WeightsError where something that it names is missing.
    """
    sums = {"": of_file(file)}
    for text, path in read_command(file, kind).files(file.parent):
        if not path.exists():
            raise WeightsError(f"{file}: names {text}, and there is no {path}")
        sums[text] = of_folder(path) if path.is_dir() else of_file(path)
    return combined(sums)


def of_answers(folder: Path, kind: str, files: Mapping[str, Path]) -> tuple[str, dict[str, str]]:
    """Of a folder of answers: the sha256 of how they are to be read, and of each of `files` by the name of its picture.

    kind: `inpainters` or `detectors`.  Raises WeightsError where a file cannot be read, ExchangeError for scores that
    are none.
    """
    answers = {name: of_file(path) for name, path in files.items()}
    if kind == "inpainters":
        return combined({}), answers
    settings = read_map_settings(folder)
    scores = folder / settings.scores
    told = _scores(scores, of_file(scores)) if scores.is_file() else {}
    answers = {name: combined({"map": sha256, "score": repr(told.get(name))}) for name, sha256 in answers.items()}
    return combined({"settings": repr(settings), "scores": str(scores.is_file())}), answers


@lru_cache(maxsize=8)
def _scores(file: Path, sha256: str) -> Mapping[str, float]:
    """The scores in a file of these bytes, which are looked at for every batch."""
    del sha256
    return read_scores(file)


def combined(sums: Mapping[str, str]) -> str:
    """One sha256 for several files by name."""
    listing = "".join(f"{name}\0{sha256}\n" for name, sha256 in sorted(sums.items()))
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()


def walk(folder: Path, above: frozenset[str] = frozenset()) -> Iterator[Path]:
    """The files below a folder but hidden ones, those behind links too; a link to a folder above leads nowhere.

    Raises WeightsError where a folder cannot be read.
    """
    above |= {os.path.realpath(folder)}
    try:
        held = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be read ({error.strerror or error})") from None
    for path in held:
        if path.is_file():
            yield path
        elif path.is_dir() and os.path.realpath(path) not in above:
            yield from walk(path, above)
