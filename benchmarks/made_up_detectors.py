"""Checkpoints of published detectors in their layout, with numbers that anybody can draw again (see made_up.py).

python benchmarks/made_up_detectors.py cat-net FILE
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from made_up import draw  # type: ignore[import-not-found]
from safebench_detectors.cat_net.network import CATNet


def cat_net() -> dict[str, Any]:
    """Norms take away from what they are given, since the sums of so many residuals would grow beyond all bounds."""
    return {"state_dict": draw(CATNet(), {r"(bn\d|\.1)\.weight$": lambda n: 0.7 * (1 + 0.1 * n)}), "epoch": 1}


STATES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "cat-net": cat_net,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=STATES)
    parser.add_argument("file", type=Path)
    args = parser.parse_args()
    torch.save(STATES[args.network](), args.file)


if __name__ == "__main__":
    main()
