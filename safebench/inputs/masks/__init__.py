"""Masks: the built-in irregular ones, NVIDIA's, or those of any directory.  White is hole, everywhere."""

from __future__ import annotations

from safebench.files import expanded
from safebench.inputs.masks.files import directory_masks
from safebench.inputs.masks.irregular import Irregular
from safebench.inputs.masks.nvidia import official_masks, recognised
from safebench.inputs.masks.sets import MaskSet, unused
from safebench.inputs.names import mask_set

__all__ = ["MaskSet", "open_masks", "unused"]


def open_masks(spec: str, seed: int, threshold: int | None = None) -> MaskSet:
    """The masks called `irregular` (drawn with the seed) or `nvidia`, or those of a directory and below.

    A directory called like a set is written with its path, `./nvidia`; one that holds NVIDIA's masks is recognised by
    what it holds.  Raises UnknownNameError for what is neither, DataError where the masks are missing, none, or
    NVIDIA's inverted.
    """
    name = mask_set(spec)
    if name == "irregular":
        return Irregular(seed)
    if name == "nvidia":
        return official_masks()
    root = expanded(spec)
    return recognised(root) or directory_masks(root, threshold)
