"""Where a result comes from: versions, commit, device, platform."""

from __future__ import annotations

import platform
import subprocess
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from safebench.models import kinds
from safebench.runs.record import Git, RunRecord
from safebench.version import __version__

_PACKAGES = (
    "torch", "torchvision", "numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "scikit-image", "lpips",
    "opencv-contrib-python-headless", "pillow", "simplejpeg",
)  # fmt: skip


def versions() -> dict[str, str]:
    """SafeBench's, Python's, and those of the packages that make the numbers."""
    by_package = {"safebench": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            by_package[package] = version(package)
        except PackageNotFoundError:
            by_package[package] = "not installed"
    return by_package


def git() -> Git | None:
    """Commit of SafeBench's checkout and whether it holds changes; None where it was not run from a checkout."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return None
    try:
        commit = _git(here, "rev-parse", "HEAD")
        return Git(commit=commit, dirty=bool(_git(here, "status", "--porcelain", "--untracked-files=no")))
    except (OSError, subprocess.SubprocessError):
        return None


def system() -> str:
    """The operating system and the processor's kind."""
    return platform.platform()


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def caveats(record: RunRecord) -> str:
    """The sentences that a table needs: weights that are not their authors', photos that a model was trained on, and
    results that earlier code made.

    Empty where there is none of that.
    """
    models = [model for kind in kinds.MODELS for model in record.models(kind.name).items()]
    shipped = [name for name, model in models if model.weights_origin == "shipped"]
    kept = [name for name, model in models if model.kept]
    sentences = []
    if shipped:
        sentences.append(
            f"Trained by SafeBench and shipped with it, not by the authors: weights of {', '.join(shipped)}."
        )
    if seen := seen_photos(record):
        sentences.append(seen)
    if kept:
        sentences.append(
            f"Made by earlier code of the models, and kept by the user's word: results of {', '.join(kept)}."
        )
    return " ".join(sentences)


def seen_photos(record: RunRecord) -> str:
    """The sentence on models that meet photos again which they were trained on; empty where none is known to."""
    models = [model for kind in kinds.MODELS for model in record.models(kind.name).items()]
    sentences = [model.seen_in_training.sentence(name) for name, model in models if model.seen_in_training]
    sentences += [
        f"{name} learned from the data sets that these pictures are of ({', '.join(model.met_sets)})"
        for name, model in models
        if model.met_sets
    ]
    seen = ", ".join(sentence for sentence in sentences if sentence)
    return f"Seen in training: {seen}. Figures on such photos say little of others." if seen else ""
