"""How EdgeConnect is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from safebench.metrics.perceptual import Perceptual, load_perceptual
from safebench.models.cards import Card, Input
from safebench.models.contracts import Recipe as BaseRecipe
from safebench.weights.read.checkpoints import fit

from .._edges import whole_edges
from .._features import Features, load_features, perceptual, style
from .._training import composite, frozen, initialise, quality
from .discriminator import Discriminator, fooling, telling
from .options import EdgeConnectConfig, build_generators
from .pipeline import draw_and_paint

LPIPS = "squeeze"
"""The backbone of the LPIPS that validation reports."""
TRAINED = {
    "edge": ("edge_generator", "edge_discriminator"),
    "inpaint": ("generator", "discriminator"),
    "edge-inpaint": ("generator", "discriminator"),
    "joint": ("edge_generator", "edge_discriminator", "generator", "discriminator"),
}
"""Networks by stage."""


class Recipe(BaseRecipe):
    """Two generators, each against a discriminator of its own, by the losses of the authors' code.

    In the joint stage the edge generator learns from the inpainting losses too: the gradients of both are summed.
    """

    Config = EdgeConnectConfig
    watch = ("lpips", "min")
    sizes = Input(multiple_of=4, smallest_side=32)

    config: EdgeConnectConfig
    features: Features
    lpips: Perceptual

    def __init__(self, card: Card, config: EdgeConnectConfig) -> None:
        super().__init__(card, config)
        if config.stage == "edge":
            self.watch = ("edge_f1", "max")

    def example(self, photo: np.ndarray, hole: np.ndarray, rng: np.random.Generator) -> dict[str, Tensor]:
        """See `Recipe.example`; grey levels and Canny's edges (1 x H x W) are those of the whole photo."""
        grey, edges = whole_edges(photo)
        return {**super().example(photo, hole, rng), "grey": grey, "edges": edges}

    def build(self) -> dict[str, nn.Module]:
        """See `Recipe.build`; whatever is trained, all four are there, so that one stage can begin from another."""
        networks: dict[str, nn.Module] = {
            **build_generators(self.config),
            "edge_discriminator": Discriminator(2, self.config.width),
            "discriminator": Discriminator(3, self.config.width),
        }
        for network in networks.values():
            initialise(network)
        return networks

    def start(self, networks: Mapping[str, nn.Module], product: Mapping[str, Tensor], name: str) -> None:
        """See `Recipe.start`; a product holds no discriminators, which begin anew."""
        for part in ("edge_generator", "generator"):
            fit(networks[part], product, name, prefix=f"{part}.")

    def optimisers(self, networks: Mapping[str, nn.Module]) -> dict[str, torch.optim.Optimizer]:
        """Adam with the authors' settings, of what the stage trains; the rate stays as it is."""
        config = self.config
        slow = config.learning_rate * config.discriminator_rate
        return {
            name: torch.optim.Adam(
                networks[name].parameters(),
                lr=slow if name.endswith("discriminator") else config.learning_rate,
                betas=(0.0, 0.9),
            )
            for name in TRAINED[config.stage]
        }

    def prepare(self, device: torch.device) -> None:
        """Load the networks of the perceptual losses and of LPIPS; raises WeightsError where they cannot be had."""
        if self.config.stage != "edge":
            self.features = load_features(self.config.perceptual, "perceptual loss").to(device)
            self.lpips = load_perceptual(LPIPS, device)

    def step(
        self,
        networks: Mapping[str, nn.Module],
        batch: Mapping[str, Tensor],
        update: Callable[[str, Tensor], None],
    ) -> dict[str, Tensor]:
        """See `Recipe.step`."""
        masks, edges, draws = batch["mask"], batch["edges"], "edge_generator" in TRAINED[self.config.stage]
        figures: dict[str, Tensor] = {}
        sketch: dict[str, Tensor] = {}
        drawn = edges
        if self.config.stage != "inpaint":
            with torch.set_grad_enabled(draws):
                drawn = networks["edge_generator"](batch["grey"], edges, masks)
        if draws:
            sketch, told = self._sketched(networks["edge_discriminator"], drawn, batch)
            figures |= {**sketch, "edge_discriminator": told}
        objective = list(sketch.values())
        if self.config.stage != "edge":
            lines = drawn * masks + edges * (1 - masks)
            # the inpainting losses reach the edge generator by their slope at this leaf, after all else was updated
            leaf = lines.detach().requires_grad_(draws)
            parts, judged = self._painted(networks, leaf, batch)
            figures |= {**parts, "discriminator": judged}
            update("generator", torch.stack(list(parts.values())).sum())
            update("discriminator", judged)
            if leaf.grad is not None:
                objective.append((lines * leaf.grad).sum())
        if draws:
            update("edge_generator", torch.stack(objective).sum())
            update("edge_discriminator", told)
        return {name: value.detach() for name, value in figures.items()}

    def validate(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """PSNR in dB, LPIPS (SqueezeNet) and L1 of the 8-bit composites; of the edge stage, F1 of the holes' edges."""
        edges, painted = self._filled(networks, batch)
        if self.config.stage == "edge":
            return {"edge_f1": _f1(edges, batch["edges"], batch["mask"])}
        return quality(painted, batch["photo"], self.lpips)

    def preview(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Hole, edges, filled and original."""
        photos, masks = batch["photo"], batch["mask"]
        edges, painted = self._filled(networks, batch)
        return {
            "hole": photos * (1 - masks) + masks,
            "edges": edges.float().expand_as(photos),
            "filled": painted,
            "original": photos,
        }

    def product(self, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """Both generators' states, each key behind its network's name; the rest is as in the authors' checkpoints."""
        return {
            f"{name}.{key}": value
            for name in ("edge_generator", "generator")
            for key, value in networks[name].state_dict().items()
        }

    def _sketched(
        self, discriminator: nn.Module, drawn: Tensor, batch: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of the edges drawn, weighed, and the discriminator's; it sees edges beside the grey picture.

        Spectral norm takes a step with each call, so that their order counts: real, drawn, drawn again.
        """
        grey, form = batch["grey"], self.config.adversarial
        real = discriminator(torch.cat([grey, batch["edges"]], dim=1))
        fake = discriminator(torch.cat([grey, drawn.detach()], dim=1))
        with frozen(discriminator) as still:
            shown = still(torch.cat([grey, drawn], dim=1))
        near = perceptual(shown, [features.detach() for features in real])
        parts = {"edge_adversarial": fooling(shown[-1], form), "edge_matching": self.config.lambda_matching * near}
        return parts, telling(real[-1], fake[-1], form)

    def _painted(
        self, networks: Mapping[str, nn.Module], edges: Tensor, batch: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of the whole picture painted along `edges`, weighed, and the discriminator's."""
        config, network, photos, masks = self.config, self.features, batch["photo"], batch["mask"]
        painted = networks["generator"](photos, edges, masks).to(photos.dtype)
        real, fake = (networks["discriminator"](picture)[-1] for picture in (photos, painted.detach()))
        with frozen(networks["discriminator"]) as still:
            shown = still(painted)[-1]
        near = perceptual(*(network(x, network.perceptual) for x in (painted, photos)))
        alike = style(*(network(x * masks, network.style) for x in (painted, photos)))
        parts = {
            "adversarial": config.lambda_adversarial * fooling(shown, config.adversarial),
            "l1": config.lambda_l1 * F.l1_loss(painted, photos) / masks.mean(),
            "perceptual": config.lambda_perceptual * near,
            "style": config.lambda_style * alike,
        }
        return parts, telling(real, fake, config.adversarial)

    def _filled(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Edges and composite as the model itself makes them, or along Canny's where no edges are drawn in training."""
        photos, masks = batch["photo"], batch["mask"]
        if self.config.stage == "inpaint":
            edges = batch["edges"]
            painted = networks["generator"](photos, edges, masks)
        else:
            edges, painted = draw_and_paint(
                networks["edge_generator"], networks["generator"], photos * (1 - masks), masks
            )
        return edges, composite(painted, photos, masks)


def _f1(drawn: Tensor, edges: Tensor, masks: Tensor) -> Tensor:
    """Of the holes' edges at a threshold of 0.5, B values; NaN where there is none, drawn or real."""
    found, real = (((x > 0.5) & (masks > 0.5)).flatten(1) for x in (drawn, edges))
    return 2 * (found & real).sum(1) / (found.sum(1) + real.sum(1))
