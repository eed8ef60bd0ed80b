"""Checkpoints in the layout of published ones, with numbers that anybody can draw again.

    python benchmarks/made_up.py mi-gan FILE

What a network computes is shown on any weights, while a published checkpoint may be large, or under terms.  Each tensor
is drawn from its key and the seed alone, so that the same file comes of it on every machine.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safebench_inpainters.comodgan.network import Generator as CoModGan
from safebench_inpainters.ldm.network import LatentDiffusion
from safebench_inpainters.mat.network import Generator as Mat
from safebench_inpainters.mi_gan.network import Generator as MiGan
from safebench_inpainters.zits.painter import Painter, StructureEncoder
from safebench_inpainters.zits.structure import Doubling, Transformer
from torch import Tensor, nn

Rule = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""What is made of standard normal draws of a tensor's shape."""


def draw(network: nn.Module, rules: Mapping[str, Rule] | None = None, seed: int = 0) -> dict[str, Tensor]:
    """A state dict for `network`, float32 on the CPU.

    rules: what becomes of the draws n, by a pattern that the key has to contain; the first that fits counts.  Without:
    filters and matrices n / sqrt(fan in), scales of normalisations (`weight` of one dimension) 1 + 0.1 n, `running_var`
    exp(0.2 n), other vectors 0.05 n, counts 1.
    """
    return {key: _tensor(key, tensor, rules or {}, seed) for key, tensor in network.state_dict().items()}


def _tensor(key: str, like: Tensor, rules: Mapping[str, Rule], seed: int) -> Tensor:
    if not like.is_floating_point():
        return torch.ones_like(like)
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    n = np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "little"))).standard_normal(tuple(like.shape))
    rule = next((rule for pattern, rule in rules.items() if re.search(pattern, key)), _usual(key, like.dim()))
    return torch.from_numpy(np.asarray(rule(n), dtype=np.float32))


def _usual(key: str, dimensions: int) -> Rule:
    if dimensions > 1:
        return lambda n: n / np.sqrt(np.prod(n.shape[1:]))
    if key.endswith("running_var"):
        return lambda n: np.exp(0.2 * n)
    if key.endswith("weight"):
        return lambda n: 1 + 0.1 * n
    return lambda n: 0.05 * n


def _low_pass(gain: float) -> Rule:
    """The filters of StyleGAN, each channel's a little off, so that one taken for another shows."""
    row = np.array([1, 3, 3, 1]) / 8
    return lambda n: gain * np.outer(row, row) * (1 + 0.1 * n)


def _even_places(n: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.zeros(n.shape)
    places[..., ::2, ::2] = 1
    return places


def mi_gan(size: int = 256, seed: int = 0) -> dict[str, Tensor]:
    rules: Mapping[str, Rule] = {
        r"filter_const$": _even_places,
        r"upsample\.filter\.weight$": _low_pass(4),
        r"downsample\.filter\.weight$": _low_pass(1),
        r"torgb\.weight$": lambda n: 0.1 * n / np.sqrt(n.shape[1]),
        r"noise_const$": lambda n: n,
        r"noise_strength$": lambda n: 0.1 * n,
    }
    return draw(MiGan(size), rules, seed)


_STYLEGAN: Mapping[str, Rule] = {
    r"resample_filter$": _low_pass(1),
    r"mapping\.fc\d+\.weight$": lambda n: 100 * n,
    r"affine\.bias$": lambda n: 1 + 0.1 * n,
    r"torgb\.weight$|toRGB\.conv\.weight$": lambda n: 0.1 * n,
    r"noise_const$": lambda n: n,
    r"noise_strength$": lambda n: 0.1 * n,
}


def comodgan(size: int = 256, seed: int = 0) -> dict[str, Tensor]:
    return draw(CoModGan(size), {**_STYLEGAN, r"(fc|affine)\.weight$|encoder\..*weight$": lambda n: n}, seed)


def mat(size: int = 512, seed: int = 0) -> dict[str, Tensor]:
    return draw(Mat(size), {**_STYLEGAN, r"attn_mask$": lambda n: 0 * n, r"weight$": lambda n: n}, seed)


def ldm(width: int = 32, coder_width: int = 32, codes: int = 512, seed: int = 0) -> dict[str, Any]:
    """Narrower than the published networks unless it is told their widths (256, 128, 8192), in the same layout: beside
    the U-Net's weights their averages over the training, other numbers, and the autoencoder twice."""
    rules: Mapping[str, Rule] = {
        r"decoder\.conv_out\.weight$": lambda n: 0.3 * n / np.sqrt(np.prod(n.shape[1:])),
        r"alphas_cumprod$": lambda n: np.cumprod(1 - np.linspace(0.0015**0.5, 0.0205**0.5, len(n)) ** 2),
    }
    state = draw(LatentDiffusion(width, coder_width, codes), rules, seed)
    unet = {key.removeprefix("model."): value for key, value in state.items() if key.startswith("model.")}
    averages = {f"model_ema.{key.replace('.', '')}": value for key, value in unet.items()}
    last = {f"model.{key}": 2 * value for key, value in unet.items()}
    coder = {key.replace("first_", "cond_"): value for key, value in state.items() if key.startswith("first_")}
    counted = {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(7)}
    return {"state_dict": {**state, **last, **averages, **counted, **coder, "betas": torch.zeros(1000)}, "epoch": 7}


def zits(seed: int = 0) -> dict[str, Any]:
    """Three files.  What a learned number weighs is let through, unlike at the start of a training."""
    rules: Mapping[str, Rule] = {
        r"alpha\d$": lambda n: 0.5 + 0.1 * n,
        r"pos_emb$": lambda n: 0.3 * n,
        r"rel_pos_bias\.weight$": lambda n: n,
        r"emb\.weight$": lambda n: n,
        r"ffc2\.bn_.\.weight$": lambda n: 0.3 * (1 + 0.1 * n),
    }
    return {
        "best_transformer_places2.pth": {
            "model": draw(Transformer(), {**rules, r"convt4\.weight$": lambda n: 0.4 * n}, seed)
        },
        "StructureUpsampling.pth": {"model": draw(Doubling(), rules, seed)},
        "InpaintingModel_best_gen.pth": {
            "iteration": 7,
            "generator": draw(Painter(), {**rules, r"convt4\.weight$": lambda n: 0.02 * n}, seed),
            "str_encoder": draw(StructureEncoder(), rules, seed),
        },
    }


def save(state: Mapping[str, Any], place: Path) -> None:
    """A checkpoint as a file; where it is several, by their names, as a folder of these."""
    if not all("." in name and isinstance(part, Mapping) for name, part in state.items()):
        torch.save(dict(state), place)
        return
    place.mkdir()
    for name, part in state.items():
        torch.save(part, place / name)


STATES: Mapping[str, Callable[[], dict[str, Any]]] = {
    "mi-gan": mi_gan,
    "mi-gan-512": lambda: mi_gan(512),
    "comodgan": comodgan,
    "comodgan-512": lambda: comodgan(512),
    "ldm": ldm,
    "ldm-published": lambda: ldm(256, 128, 8192),
    "mat": lambda: mat(256),
    "mat-512": mat,
    "zits": zits,
}


def main(states: Mapping[str, Callable[[], dict[str, Any]]], doc: str | None) -> None:
    """The command line of a script that draws `states`."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=states)
    parser.add_argument("file", type=Path)
    args = parser.parse_args()
    save(states[args.network](), args.file)


if __name__ == "__main__":
    main(STATES, __doc__)
