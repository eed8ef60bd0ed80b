"""What identifies a checkpoint: the sha256 of all the bytes that are opened when it is used, each read once."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from safebench.errors import WeightsError
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
