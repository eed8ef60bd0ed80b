"""One training step of AOT-GAN or EdgeConnect beside its authors' code: losses and gradients on the same weights.

    python benchmarks/training_step_hosts.py aot-gan --upstream CHECKOUT [--seed 0] [--side 64]
    python benchmarks/training_step_hosts.py edgeconnect --upstream CHECKOUT [--seed 0] [--side 64]
    python benchmarks/training_step_hosts.py edgeconnect --upstream CHECKOUT --side 32 --write

CHECKOUT is a clone of the authors' repository.  The weights, those of VGG-19 too, are made up (benchmarks/made_up.py);
photos and holes are those of the contract suite.  Both sides compute in float64: in float32 rounding alone turns the
slope of a ReLU or of an absolute difference here and there, and gradients differ by some 1e-4 then.  Printed are both
sides' losses, and of each network the largest difference of a tensor's gradient, as the norm of the difference over the
norm.  `--write` puts what EdgeConnect's authors compute into tests/inpainters/golden/edgeconnect-step.npz, for the
tests to hold the recipe against.

EdgeConnect's step is taken in each of its stages.  Gradients are those that an optimiser is given when its turn comes;
none changes anything, for torch from 1.5 on refuses to go back through weights that were changed meanwhile.  The joint
stage's second way back through the edge generator needs the graph of the first, which their code lets go (so that it
stops there, whatever the version of torch): here it is kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partialmethod
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import msgspec
import numpy as np
import torch
import torchvision
from made_up import draw  # type: ignore[import-not-found]
from numpy.typing import NDArray
from safebench_inpainters._features import Vgg19
from safebench_inpainters.aot_gan.recipe import Recipe as AotGan
from safebench_inpainters.edgeconnect.recipe import Recipe as EdgeConnect
from torch import Tensor, nn

from safebench.models import registry
from safebench.testing import inputs

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "inpainters" / "golden" / "edgeconnect-step.npz"
STAGES = ("edge", "inpaint", "edge-inpaint", "joint")
SAMPLED = 6
"""Numbers that are kept of each gradient, beside its largest."""
Losses = dict[str, float]
Gradients = dict[str, dict[str, Tensor]]
"""By network and key."""


class Setting:
    """A recipe, its networks with made-up weights, a VGG-19 with such, and a batch of two."""

    def __init__(self, model: str, side: int, seed: int, **options: str) -> None:
        kind: type[AotGan | EdgeConnect] = {"aot-gan": AotGan, "edgeconnect": EdgeConnect}[model]
        self.recipe = kind(registry.find("inpainters", model)[0].card, msgspec.convert(options, kind.Config))
        self.networks = self.recipe.build()
        for network in self.networks.values():
            network.double().load_state_dict(draw(network, seed=seed))
        self.recipe.features = features = Vgg19()
        features.normalise = model == "aot-gan"
        features.double().layers.load_state_dict(draw(features.layers, {"weight": _steady}, seed))
        rng = np.random.default_rng(seed)
        pairs = zip(inputs.photos(2, (side, side), seed), inputs.holes(2, (side, side)), strict=True)
        examples = [self.recipe.example(photo, hole, rng) for photo, hole in pairs]
        self.batch = {key: torch.stack([example[key] for example in examples]).double() for key in examples[0]}

    def step(self) -> tuple[Losses, Gradients]:
        """The recipe's own."""
        gradients: Gradients = {}

        def update(name: str, loss: Tensor) -> None:
            self.networks[name].zero_grad()
            loss.backward()
            gradients[name] = _gradients(self.networks[name])

        figures = self.recipe.step(self.networks, self.batch, update)
        return {name: float(value) for name, value in figures.items()}, gradients


def _steady(n: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filters before ReLUs, behind which features stay as large as they were."""
    return n * np.sqrt(2 / np.prod(n.shape[1:]))


def _gradients(network: nn.Module) -> dict[str, Tensor]:
    """By key; without those of biases that a normalisation takes away, which are rounding and nothing else."""
    return {
        key: p.grad.clone()
        for key, p in network.named_parameters()
        if p.grad is not None and not (key.endswith("bias") and _is_taken_away(key))
    }


def _is_taken_away(key: str) -> bool:
    return (
        "gate.1" in key
        or key.startswith(("encoder.1.", "encoder.4.", "encoder.7.", "decoder.0.", "decoder.3."))
        or ("conv_block" in key)
    )


def theirs_of_aot_gan(setting: Setting) -> tuple[Losses, Gradients]:
    """In the order of their trainer's own lines."""
    from loss import loss  # type: ignore[import-not-found]
    from model.aotgan import Discriminator, InpaintGenerator  # type: ignore[import-not-found]

    networks = {
        "generator": InpaintGenerator(SimpleNamespace(rates=[1, 2, 4, 8], block_num=8)),
        "discriminator": Discriminator(),
    }
    for network in networks.values():
        network.double()
    networks["generator"].load_state_dict(setting.networks["generator"].state_dict())
    networks["discriminator"].conv.load_state_dict(setting.networks["discriminator"].state_dict())
    x, masks = setting.batch["photo"] * 2 - 1, setting.batch["mask"]
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
    losses = {name: float(value.detach()) for name, value in {**parts, "discriminator": telling}.items()}
    gradients = {name: _gradients(network) for name, network in networks.items()}
    return losses, {name: {k.removeprefix("conv."): g for k, g in held.items()} for name, held in gradients.items()}


def theirs_of_edgeconnect(setting: Setting) -> tuple[Losses, Gradients]:
    """As `train` in their src/edge_connect.py calls both models; a gradient is what an optimiser finds at its step."""
    from src.models import EdgeModel, InpaintingModel  # type: ignore[import-not-found]

    weights = {"L1_LOSS": 1, "FM_LOSS": 10, "STYLE_LOSS": 250, "CONTENT_LOSS": 0.1, "INPAINT_ADV_LOSS": 0.1}
    settings = {"PATH": "", "GPU": [0], "GAN_LOSS": "nsgan", "LR": 1e-4, "D2G_LR": 0.1, "BETA1": 0.0, "BETA2": 0.9}
    config = SimpleNamespace(**settings, **{f"{name}_WEIGHT": weight for name, weight in weights.items()})
    sketching, painting = EdgeModel(config).double(), InpaintingModel(config).double()
    gradients: Gradients = {}
    for prefix, model in (("edge_", sketching), ("", painting)):
        for part, optimiser in (("generator", model.gen_optimizer), ("discriminator", model.dis_optimizer)):
            network, name = getattr(model, part), prefix + part
            # their discriminator holds its first layer under two names
            network.load_state_dict(setting.networks[name].state_dict(), strict=part == "generator")
            optimiser.step = _recording(gradients, name, network)
    photos, masks, grey, edges = (setting.batch[key] for key in ("photo", "mask", "grey", "edges"))
    stage, logs, lines = setting.recipe.config.stage, [], edges
    if stage in ("edge", "joint"):
        drawn, *sketched, logs = sketching.process(grey, edges, masks)
        lines = drawn * masks + edges * (1 - masks)
    if stage == "edge-inpaint":
        lines = (sketching(grey, edges, masks) * masks + edges * (1 - masks)).detach()
    if stage != "edge":
        _, *painted, more = painting.process(photos, lines, masks)
        logs = logs + more
        painting.backward(*painted)
    if stage in ("edge", "joint"):
        sketching.backward(*sketched)
    names = {"l_d1": "edge_discriminator", "l_g1": "edge_adversarial", "l_fm": "edge_matching", "l_d2": "discriminator"}
    names |= {"l_g2": "adversarial", "l_l1": "l1", "l_per": "perceptual", "l_sty": "style"}
    return {names[name]: value for name, value in logs}, gradients


def _recording(gradients: Gradients, name: str, network: nn.Module) -> Callable[[], None]:
    def step() -> None:
        gradients[name] = {k: v for k, v in _gradients(network).items() if not k.startswith("features.")}

    return step


@contextmanager
def at_hand(upstream: Path, vgg: nn.Module) -> Iterator[None]:
    """Their modules can be imported, on a CPU and with this VGG-19, and the graph of a step is kept to its end."""
    with ExitStack() as stack:
        for folder in (upstream, upstream / "src"):
            stack.enter_context(mock.patch.object(sys, "path", [str(folder), *sys.path]))
        held = SimpleNamespace(features=vgg)
        stack.enter_context(mock.patch.object(torchvision.models, "vgg19", return_value=held))
        stack.enter_context(mock.patch.object(Tensor, "cuda", lambda tensor: tensor))
        stack.enter_context(mock.patch.object(nn.Module, "cuda", lambda module: module))
        stack.enter_context(mock.patch.object(Tensor, "backward", partialmethod(Tensor.backward, retain_graph=True)))
        yield


def sampled(gradients: Mapping[str, Tensor]) -> NDArray[np.float32]:
    """A row for each tensor, in the order of their keys: its largest number by size, and some of its numbers."""
    rows = []
    for _, gradient in sorted(gradients.items()):
        flat = gradient.flatten()
        places = torch.linspace(0, len(flat) - 1, SAMPLED).round().long()
        rows.append(torch.cat([flat.abs().max()[None], flat[places]]).numpy())
    return np.stack(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=("aot-gan", "edgeconnect"))
    parser.add_argument("--upstream", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    kept: dict[str, Any] = {}
    for stage in STAGES if given.model == "edgeconnect" else ("",):
        setting = Setting(given.model, given.side, given.seed, **({"stage": stage} if stage else {}))
        with at_hand(given.upstream, plain(setting.recipe.features)):
            losses, gradients = (theirs_of_edgeconnect if stage else theirs_of_aot_gan)(setting)
        compare(stage or given.model, losses, gradients, *setting.step())
        kept |= {f"{stage}/{name}": sampled(held) for name, held in gradients.items()}
        kept |= {f"{stage}/losses": np.array([losses[name] for name in sorted(losses)])}
    if given.write:
        np.savez_compressed(GOLDEN, **kept)


def plain(features: Vgg19) -> nn.Sequential:
    """The same VGG-19 with torch's own convolutions."""
    layers: nn.Sequential = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["E"])
    layers.double().load_state_dict(features.layers.state_dict())
    return layers


def compare(title: str, losses: Losses, gradients: Gradients, found: Losses, learned: Gradients) -> None:
    for name, value in losses.items():
        print(f"{title}, {name}: authors {value:.7f}, here {found[name]:.7f}")
    for name, wanted in gradients.items():
        gaps = {k: float((learned[name][k] - g).norm() / g.norm()) for k, g in wanted.items()}
        worst = max(gaps, key=lambda key: gaps[key])
        print(f"{title}, {name}: {len(gaps)} gradients, largest relative difference {gaps[worst]:.1e} ({worst})")


if __name__ == "__main__":
    main()
