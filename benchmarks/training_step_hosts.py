"""One training step of AOT-GAN beside its authors' code: losses and gradients on the same weights and batch.

    python benchmarks/training_step_hosts.py --upstream CHECKOUT [--seed 0] [--side 64]

CHECKOUT is a clone of the authors' repository.  Both sides compare features of the same VGG-19 with random weights.
Printed are both sides' losses, and of each network the largest difference of gradients relative to the largest one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
import torchvision
from safebench_inpainters._features import Vgg19
from safebench_inpainters.aot_gan.recipe import Recipe
from torch import Tensor, nn

from safebench.models import registry
from safebench.testing import inputs


def theirs(upstream: Path, vgg: nn.Module, photos: Tensor, masks: Tensor, seed: int) -> tuple[Any, ...]:
    """Their networks, with gradients, the states that they began from, and their losses, in the order of the trainer's
    own lines."""
    sys.path.insert(0, str(upstream / "src"))
    with (
        mock.patch.object(torchvision.models, "vgg19", return_value=vgg),
        mock.patch.object(torch.Tensor, "cuda", lambda tensor: tensor),
        mock.patch.object(nn.Module, "cuda", lambda module: module),
    ):
        from loss import loss  # type: ignore[import-not-found]
        from model.aotgan import Discriminator, InpaintGenerator  # type: ignore[import-not-found]

        torch.manual_seed(seed)
        networks = {
            "generator": InpaintGenerator(SimpleNamespace(rates=[1, 2, 4, 8], block_num=8)),
            "discriminator": Discriminator(),
        }
        for parameter in networks["generator"].parameters():  # their start gives hardly any gradient at the bottom
            parameter.data.mul_(2)
        states = {name: {k: v.clone() for k, v in net.state_dict().items()} for name, net in networks.items()}
        x = photos * 2 - 1
        painted = networks["generator"](x * (1 - masks) + masks, masks)
        parts = {
            "l1": loss.L1()(painted, x),
            "style": 250 * loss.Style()(painted, x),
            "perceptual": 0.1 * loss.Perceptual()(painted, x),
        }
        telling, fooling = loss.smgan()(networks["discriminator"], (1 - masks) * x + masks * painted, x, masks)
        parts["adversarial"] = 0.01 * fooling
        sum(parts.values()).backward()
        telling.backward()
    return networks, states, {**parts, "discriminator": telling}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=64)
    given = parser.parse_args()
    size = (given.side, given.side)
    photos = torch.from_numpy(inputs.photos(2, size)).permute(0, 3, 1, 2).float() / 255
    masks = torch.from_numpy(inputs.holes(2, size))[:, None].float()
    torch.manual_seed(given.seed + 1)
    vgg = torchvision.models.vgg19(weights=None)
    recipe = Recipe(registry.find("inpainters", "aot-gan")[0].card, Recipe.Config())
    features = Vgg19()
    features.layers.load_state_dict(vgg.features.state_dict())
    recipe.use(features)
    wanted, states, losses = theirs(given.upstream, vgg, photos, masks, given.seed)

    networks = recipe.build()
    networks["generator"].load_state_dict(states["generator"])
    networks["discriminator"].load_state_dict(
        {key.removeprefix("conv."): value for key, value in states["discriminator"].items()}
    )

    def update(name: str, loss: Tensor) -> None:
        networks[name].zero_grad()
        loss.backward()

    found = recipe.step(networks, {"photo": photos, "mask": masks}, update)
    for name, value in losses.items():
        print(f"{name}: authors {float(value.detach()):.7f}, here {float(found[name]):.7f}")
    for name, network in networks.items():
        pairs = zip(network.named_parameters(), wanted[name].parameters(), strict=True)
        gaps = {
            key: float((p.grad - q.grad).abs().max() / q.grad.abs().max())
            for (key, p), q in pairs
            if p.grad is not None and q.grad is not None and "gate.1.bias" not in key
        }
        worst = max(gaps, key=lambda key: gaps[key])
        print(f"{name}: {len(gaps)} gradients, largest relative difference {gaps[worst]:.1e} ({worst})")


if __name__ == "__main__":
    main()
