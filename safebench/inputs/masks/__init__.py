"""Masks: the built-in irregular ones, NVIDIA's, or those of any directory.  White is hole, everywhere."""

from __future__ import annotations

import difflib
from pathlib import Path

from safebench.errors import DataError, UnknownNameError
from safebench.inputs.masks.files import directory_masks
from safebench.inputs.masks.irregular import Irregular
from safebench.inputs.masks.nvidia import official_masks, recognised
from safebench.inputs.masks.sets import MaskSet
from safebench.inputs.photos import is_path
from safebench.keys import plain

__all__ = ["MaskSet", "is_nvidia", "open_masks"]

_NAMES = {"irregular": "irregular", "nvidia": "nvidia", "nvidiairregular": "nvidia", "nvidiairregularmask": "nvidia"}


def is_nvidia(name: str) -> bool:
    """Whether a name, forgivingly spelt, means NVIDIA's masks."""
    return _NAMES.get(plain(name)) == "nvidia"


def open_masks(spec: str, seed: int) -> MaskSet:
    """The masks called `irregular` (drawn with the seed) or `nvidia`, or those of a directory and below.

    A directory called like a set is written with its path, `./nvidia`; one that holds NVIDIA's masks is recognised by
    what it holds.  Raises UnknownNameError for what is neither, DataError where the masks are missing, none, or
    NVIDIA's inverted.
    """
    name = "" if is_path(spec) else _NAMES.get(plain(spec), "")
    if name == "irregular":
        return Irregular(seed)
    if name == "nvidia":
        return official_masks()
    root = Path(spec).expanduser()
    if not is_path(spec) and not root.is_dir():
        if plain(spec) == "folder":
            raise DataError("--masks folder: name the directory itself, as in --masks path/to/masks")
        near = difflib.get_close_matches(plain(spec), _NAMES, n=1, cutoff=0.5)
        hint = f"did you mean {_NAMES[near[0]]}?" if near else "there are irregular and nvidia"
        raise UnknownNameError(f"no mask set is called '{spec}', and there is no directory {spec}; {hint}")
    return recognised(root) or directory_masks(root)
