"""Which files of a folder answer which pictures, and the scores beside them.  It imports nothing that is slow."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from safebench.errors import ExchangeError
from safebench.inputs.names import IMAGE_SUFFIXES

FORMAT: Final = "safebench-exchange/1"
MANIFEST: Final = "manifest.json"
ANSWERS: Final = {"inpainters": "filled", "detectors": "maps"}
"""By the kind of model, the folder of an export that waits for what comes back."""
ARRAYS: Final = frozenset({".npy", ".npz"})


def exchange_name(name: str, key: str) -> str:
    """What a picture is called outside: its name in the run and twelve digits of the key of all that it depends on, so
    that what was made of another picture never stands for it."""
    return f"{name}-{key[:12]}"


def name_of(file: Path) -> str:
    """The picture that a file answers: its name without the suffix; `a.png.npz` answers `a` too."""
    name = file.name
    while (suffix := Path(name).suffix) and suffix.lower() in IMAGE_SUFFIXES | ARRAYS:
        name = name[: -len(suffix)]
    return name


def answers_folder(folder: Path, kind: str) -> Path:
    """Where the answers lie: in an export's own folder for them, else in `folder` itself.

    kind: `inpainters` or `detectors`.  Raises ExchangeError where the export was made for the other kind, or by a
    newer SafeBench.
    """
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return folder
    said = read_manifest(manifest)
    if said.get("for") != kind:
        raise ExchangeError(f"{folder}: was exported for {said.get('for')}, not for {kind}")
    return folder / ANSWERS[kind]


def read_manifest(manifest: Path) -> dict[str, Any]:
    """What an export's manifest.json says; raises ExchangeError where it is none of this format."""
    try:
        said = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExchangeError(f"{manifest}: cannot be read ({error})") from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise ExchangeError(f"{manifest}: is not of the format {FORMAT}, which this SafeBench reads; export again")
    return said


def find_answers(folder: Path) -> dict[str, Path]:
    """The files in a folder by the names that they answer; hidden ones and other kinds do not count.

    Raises ExchangeError where two answer one name, or the folder cannot be read.
    """
    found: dict[str, Path] = {}
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise ExchangeError(f"{folder}: cannot be read ({error.strerror or error})") from None
    for file in files:
        if file.suffix.lower() not in IMAGE_SUFFIXES | ARRAYS:
            continue
        if (other := found.setdefault(name_of(file), file)) != file:
            raise ExchangeError(f"{folder}: {other.name} and {file.name} answer the same picture; keep one of them")
    return found


def read_scores(file: Path) -> dict[str, float]:
    """Scores in [0, 1] by name, from a CSV with the columns `name` and `score`, or a JSON object of names and numbers;
    a name may be that of the picture's file.  Raises ExchangeError."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix.lower() == ".json":
            told = json.loads(text)
            pairs = list(told.items()) if isinstance(told, Mapping) else []
        else:
            pairs = [(row["name"], row["score"]) for row in csv.DictReader(io.StringIO(text))]
    except (OSError, ValueError, csv.Error) as error:
        raise ExchangeError(f"{file}: cannot be read as scores ({error})") from None
    except KeyError as error:
        raise ExchangeError(f"{file}: has no column {error}; it needs name and score") from None
    scores: dict[str, float] = {}
    for written, value in pairs:
        name = name_of(Path(str(written)))
        if name in scores:
            raise ExchangeError(f"{file}: holds two scores of {name}")
        scores[name] = checked_score(file, name, value)
    return scores


def checked_score(file: Path, name: str, value: Any) -> float:
    """A score as a number; raises ExchangeError, naming file and picture, for one that is none in [0, 1]."""
    try:
        score = float(value)
    except (TypeError, ValueError):
        score = -1.0
    if not 0 <= score <= 1:
        raise ExchangeError(f"{file}: the score of {name} is {value}, and not a number in [0, 1]")
    return score
