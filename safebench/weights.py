"""Where a model's checkpoint comes from: what the user names, the package, the cache."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from safebench.cards import Weights
from safebench.errors import UnknownNameError, WeightsError
from safebench.registry import Entry, plain


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk (a file, or a folder of several) and the sha256 of its bytes."""

    path: Path
    sha256: str


def cache_folder() -> Path:
    """Where checkpoints and indexes are kept: $SAFEBENCH_CACHE, or the system's folder for caches."""
    named = os.environ.get("SAFEBENCH_CACHE")
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("safebench", appauthor=False))


def find(entry: Entry, variant: str = "", named: Path | None = None) -> Checkpoint | None:
    """The checkpoint of a model: the file or folder `named` by the user, else what is at hand.

    None for a model that has no weights.  Raises WeightsError where there should be one and is none.
    """
    if named is not None:
        if not named.exists():
            raise WeightsError(f"--weights {entry.name}={named}: there is no such file")
        return Checkpoint(named, checksum(named))
    weights = card_weights(entry, variant)
    if weights is None:
        return None
    path = at_hand(entry, weights)
    if path is None:
        raise WeightsError(
            f"{entry.name}: its weights ({weights.file}) are not on this machine; put the file at "
            f"{cached_path(entry, weights)}, or name it with --weights {entry.name}=FILE"
        )
    return Checkpoint(path, checksum(path))


def card_weights(entry: Entry, variant: str) -> Weights | None:
    """What the card says of a variant's checkpoint; None for a model without weights and no variant asked for.

    Raises UnknownNameError where the card lists no such variant.
    """
    weights = entry.card.weights
    if not weights and not variant:
        return None
    if not variant:
        return weights[0]
    match = [w for w in weights if plain(w.variant) == plain(variant)]
    if not match:
        listed = ", ".join(v for v in entry.card.variants if v) or "none"
        raise UnknownNameError(f"{entry.name} has no variant '{variant}'; its variants: {listed}")
    return match[0]


def at_hand(entry: Entry, weights: Weights) -> Path | None:
    """Where a checkpoint lies on this machine (beside its card, or in the cache), or None."""
    shipped = [entry.folder / s.removeprefix("package:") for s in weights.sources if s.startswith("package:")]
    return next((p for p in (*shipped, cached_path(entry, weights)) if p.exists()), None)


def cached_path(entry: Entry, weights: Weights) -> Path:
    """Where a checkpoint is kept once it was fetched, or put by hand."""
    return cache_folder() / "weights" / entry.name / (weights.variant or "default") / weights.file


def checksum(path: Path) -> str:
    """sha256 of a file; of a folder, that of its files' names and checksums in sorted order."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        listing = "".join(f"{p.relative_to(path).as_posix()}\0{checksum(p)}\n" for p in files)
        return hashlib.sha256(listing.encode()).hexdigest()
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
