"""What photos and masks are named by: data sets, directories, files.  It imports nothing that is slow to import."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from safebench.errors import DataError, UnknownNameError
from safebench.files import expanded
from safebench.keys import plain

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})
"""What a file's name ends in, in lower case, where it is taken for an image; what it holds decides how it is read."""

_MASKS = {"irregular": "irregular", "nvidia": "nvidia", "nvidiairregular": "nvidia", "nvidiairregularmask": "nvidia"}


def is_path(spec: str) -> bool:
    """Whether `spec` is written as a path (`./x`, `a/b`, `~/x`, `.`), not as a name."""
    return spec.startswith((".", "~")) or any(mark in spec for mark in (os.sep, os.altsep) if mark)


def is_nvidia(name: str) -> bool:
    """Whether a name, forgivingly spelt, means NVIDIA's masks."""
    return _MASKS.get(plain(name)) == "nvidia"


def mask_set(spec: str) -> str:
    """`irregular` or `nvidia`, forgivingly spelt; "" for a directory.  Raises UnknownNameError for what is neither."""
    name = "" if is_path(spec) else _MASKS.get(plain(spec), "")
    if name or is_path(spec) or expanded(spec).is_dir():
        return name
    if plain(spec) == "folder":
        raise DataError("--masks folder: name the directory itself, as in --masks path/to/masks")
    near = difflib.get_close_matches(plain(spec), _MASKS, n=1, cutoff=0.5)
    hint = f"did you mean {_MASKS[near[0]]}?" if near else "there are irregular and nvidia"
    raise UnknownNameError(f"no mask set is called '{spec}', and there is no directory {spec}; {hint}")


def check_directory(root: Path) -> None:
    """Raise DataError where `root` is no directory."""
    if not root.is_dir():
        what = "is a file, not a directory" if root.exists() else "there is no such directory"
        raise DataError(f"{root}: {what}")
