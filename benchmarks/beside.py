"""What the comparisons with the authors' code share: their modules imported, both sides timed in turns, a table."""

from __future__ import annotations

import argparse
import importlib.machinery
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from torch import Tensor, nn

Call = Callable[[], Tensor]
"""One side's forward pass on the picture that both get."""
Measured = tuple[float, float, float]
"""Median seconds of processor time of theirs and of ours, and the largest difference of their answers."""


def fill(network: nn.Module, state: Mapping[str, Any]) -> None:
    """As the authors load it, strictly, and ready for inference."""
    network.load_state_dict(dict(state))
    network.eval()


def import_from(checkout: Path, stand_ins: Iterable[str]) -> None:
    """Let the authors' modules be imported, also those with byte-order marks that Python refuses (FcF's).

    stand_ins: packages that they import and the forward pass does not use; empty ones take their places.
    """
    read = importlib.machinery.SourceFileLoader.get_data

    def without_marks(loader: importlib.machinery.SourceFileLoader, path: str) -> bytes:
        data = read(loader, path)
        while path.endswith(".py") and data.startswith(b"\xef\xbb\xbf"):
            data = data[3:]
        return data

    importlib.machinery.SourceFileLoader.get_data = without_marks  # type: ignore[assignment, method-assign]
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(checkout))
    for name in stand_ins:
        sys.modules.setdefault(name, MagicMock())


def in_turns(theirs: Call, ours: Call, turns: int) -> Measured:
    """Time both sides, one after the other, the other one first in every other turn."""
    with torch.inference_mode():
        difference = float((theirs() - ours()).abs().max())  # also warms both up
        seconds: list[list[float]] = [[], []]
        for turn in range(turns):
            for side in (0, 1) if turn % 2 else (1, 0):
                began = time.process_time()
                (theirs, ours)[side]()
                seconds[side].append(time.process_time() - began)
    return statistics.median(seconds[0]), statistics.median(seconds[1]), difference


def of_one_network(doc: str | None, networks: Iterable[str]) -> argparse.ArgumentParser:
    """The command line of a script that runs the authors' code of one network."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=networks)
    parser.add_argument("checkout", type=Path)
    return parser


def compare(doc: str | None, names: Sequence[str], measure: Callable[[str, Path, Path, int], Measured]) -> None:
    """The command line of a comparison: measures what has a checkout and weights, and prints the table."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", action="append", default=[], metavar="NAME=CHECKOUT")
    parser.add_argument("--weights", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--turns", type=int, default=7)
    args = parser.parse_args()
    checkouts, weights = _pairs(args.upstream), _pairs(args.weights)
    print(f"torch {torch.__version__}, NumPy {np.__version__}, {torch.get_num_threads()} thread(s)\n")
    print("| network | authors', s | ours, s | ours / authors' | largest difference |")
    print("| --- | ---: | ---: | ---: | ---: |")
    fresh = multiprocessing.get_context("spawn")  # the authors' packages share names
    for name in names:
        if name not in checkouts or name not in weights:
            print(f"{name}: skipped; it needs --upstream {name}=CHECKOUT and --weights {name}=FILE", file=sys.stderr)
            continue
        with fresh.Pool(1) as pool:
            theirs, own, difference = pool.apply(measure, (name, checkouts[name], weights[name], args.turns))
        print(f"| {name} | {theirs:.2f} | {own:.2f} | {own / theirs:.2f} | {difference:.1e} |", flush=True)


def _pairs(items: list[str]) -> dict[str, Path]:
    return {name: Path(path) for name, _, path in (item.partition("=") for item in items)}
