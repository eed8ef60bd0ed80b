"""Checkpoints of published detectors in their layout, with numbers that anybody can draw again (see made_up.py).

python benchmarks/made_up_detectors.py cat-net FILE
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from made_up import Rule, draw, main  # type: ignore[import-not-found]
from safebench_detectors.cat_net.network import CATNet
from safebench_detectors.iml_vit.network import IMLViT
from safebench_detectors.mesorch.network import Mesorch
from safebench_detectors.mmfusion.network import MMFusion
from safebench_detectors.mmfusion.residuals import Residuals
from safebench_detectors.mvss_net.network import MVSSNet
from safebench_detectors.sparse_vit.network import SparseViT


def cat_net() -> dict[str, Any]:
    """Norms take away from what they are given, since the sums of so many residuals would grow beyond all bounds."""
    return {"state_dict": draw(CATNet(), {r"(bn\d|\.1)\.weight$": lambda n: 0.7 * (1 + 0.1 * n)}), "epoch": 1}


def mvss_net() -> dict[str, Any]:
    """Beside what the network here computes with, a tensor of a branch that it leaves out."""
    rules: Mapping[str, Rule] = {
        r"constrain_conv\.kernel$": lambda n: 1 + 0.3 * n,  # divided by their sum, which must not come near zero
        r"(alpha|beta)$": lambda n: 0.5 + 0 * n,
        r"head\.out\.1\.weight$": lambda n: 4 * n / np.sqrt(n.shape[1]),
    }
    return {**draw(MVSSNet(), rules), "erb_db_1.conv1.bias": torch.zeros(1)}


def mmfusion() -> dict[str, Any]:
    rules: Mapping[str, Rule] = {
        r"bayar\.kernel$": lambda n: 1 + 0.3 * n,  # divided by their sum, which must not come near zero
        r"linear_pred\.bias$": lambda n: 0 * n,
    }
    return {"state_dict": draw(MMFusion(), rules), "extractor_state_dict": draw(Residuals(), rules)}


def iml_vit(side: int = 1024) -> dict[str, Any]:
    """Of another side only the tables of distances between patches have another length."""
    rules: Mapping[str, Rule] = {
        r"pos_embed$|rel_pos_.$": lambda n: 0.2 * n,
        r"simfp_.*\.[03]\.weight$": lambda n: 2 * n / np.sqrt(n.shape[0]) if n.ndim == 4 else 1 + 0.1 * n,
        r"linear_predict\.weight$": lambda n: 2 * n / np.sqrt(n.shape[1]),
    }
    return draw(IMLViT(side), rules)


def sparse_vit() -> dict[str, Any]:
    """Beside what the network here computes with, a tensor that the authors' code holds and does not use."""
    rules: Mapping[str, Rule] = {
        r"gamma": lambda n: 0.3 + 0.1 * n,
        r"conv_last\.weight$": lambda n: 2 * n / np.sqrt(n.shape[1]),
    }
    return {"model": {**draw(SparseViT(), rules), "encoder_net.norm1.bias": torch.zeros(64)}}


def mesorch(pruned: bool = False) -> dict[str, Any]:
    """Beside what the network here computes with, a tensor of the classifier that the authors' code holds unused."""
    rules: Mapping[str, Rule] = {
        r"gamma": lambda n: 0.3 + 0.1 * n,
        r"upsample.*weight$": lambda n: 2 * n / np.sqrt(4 * n.shape[0]),
        r"inverse\.\d\.weight$": lambda n: 3 * n / np.sqrt(n.shape[1]),
    }
    unused = {} if pruned else {"convnext.head.fc.bias": torch.zeros(1000)}
    return {"model": {**draw(Mesorch(pruned), rules), **unused}}


STATES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "cat-net": cat_net,
    "iml-vit": iml_vit,
    "iml-vit-256": lambda: iml_vit(256),
    "mesorch": mesorch,
    "mesorch-p": lambda: mesorch(pruned=True),
    "mmfusion": mmfusion,
    "mvss-net": mvss_net,
    "sparse-vit": sparse_vit,
}


if __name__ == "__main__":
    main(STATES, __doc__)
