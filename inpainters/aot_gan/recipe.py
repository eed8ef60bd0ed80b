"""How AOT-GAN is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from safebench.metrics.perceptual import Perceptual, load_perceptual
from safebench.models.cards import Input
from safebench.models.contracts import Recipe as BaseRecipe
from safebench.weights.read.checkpoints import fit

from .._features import Features, Vgg19, load_features, perceptual, style
from .._training import composite, initialise, quality
from .discriminator import Discriminator, enlarged, fooling, telling
from .options import AotGanConfig, build_generator

LPIPS = "squeeze"
"""The backbone of the LPIPS that validation reports."""


class Recipe(BaseRecipe):
    """One generator against the soft-mask discriminator, by the losses of the authors' code.

    Their code does not clear the discriminator's gradients between the generator's loss and its own, so that it also
    learns from the generator's, weighed as there; so does this one.
    """

    Config = AotGanConfig
    watch = ("lpips", "min")
    sizes = Input(multiple_of=4, smallest_side=36)

    config: AotGanConfig
    features: Features
    lpips: Perceptual

    def build(self) -> dict[str, nn.Module]:
        """See `Recipe.build`."""
        networks = {"generator": build_generator(self.config), "discriminator": Discriminator(self.config.width)}
        for network in networks.values():
            initialise(network)
        return networks

    def start(self, networks: Mapping[str, nn.Module], product: Mapping[str, Tensor], name: str) -> None:
        """See `Recipe.start`; a product holds no discriminator, which begins anew."""
        fit(networks["generator"], product, name)

    def optimisers(self, networks: Mapping[str, nn.Module]) -> dict[str, torch.optim.Optimizer]:
        """Adam with the authors' settings; the rate stays as it is."""
        return {
            name: torch.optim.Adam(network.parameters(), lr=self.config.learning_rate, betas=(0.5, 0.999))
            for name, network in networks.items()
        }

    def prepare(self, device: torch.device) -> None:
        """Load the networks of the perceptual losses and of LPIPS; raises WeightsError where they cannot be had."""
        self.use(load_features(self.config.perceptual, "perceptual loss").to(device))
        self.lpips = load_perceptual(LPIPS, device)

    def use(self, features: Features) -> None:
        """Compare the features of this network; VGG-19 is shown normalised pictures, as by the authors."""
        if isinstance(features, Vgg19):
            features.normalise = True
        self.features = features

    def step(
        self,
        networks: Mapping[str, nn.Module],
        batch: Mapping[str, Tensor],
        update: Callable[[str, Tensor], None],
    ) -> dict[str, Tensor]:
        """See `Recipe.step`; pictures are in [-1, 1] here, as the networks take them."""
        photos, masks, discriminator = batch["photo"] * 2 - 1, batch["mask"], networks["discriminator"]
        painted = networks["generator"](photos, masks)
        parts = self._reconstruction(painted, photos)
        joined = photos * (1 - masks) + painted * masks

        # both networks learn from the answer to this leaf: the generator by its slope, the discriminator directly
        shown = joined.detach().requires_grad_()
        adversarial = self.config.lambda_adversarial * fooling(enlarged(discriminator(shown), masks))
        fake, real = (enlarged(discriminator(x), masks) for x in (joined.detach(), photos))
        (slope,) = torch.autograd.grad(adversarial, shown, retain_graph=True)
        update("generator", torch.stack(list(parts.values())).sum() + (joined * slope).sum())
        found = telling(fake, real, masks)
        update("discriminator", found + adversarial)
        figures = {**parts, "adversarial": adversarial, "discriminator": found}
        return {name: value.detach() for name, value in figures.items()}

    def validate(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """PSNR in dB, LPIPS (SqueezeNet) and L1 of the 8-bit composites."""
        return quality(self._filled(networks, batch), batch["photo"], self.lpips)

    def preview(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Hole, filled and original."""
        photos, masks = batch["photo"], batch["mask"]
        return {"hole": photos * (1 - masks) + masks, "filled": self._filled(networks, batch), "original": photos}

    def product(self, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """The generator's state, with the keys of the authors' checkpoints."""
        return networks["generator"].state_dict()

    def _reconstruction(self, painted: Tensor, photos: Tensor) -> dict[str, Tensor]:
        """Of the whole output, weighed; one pass of each picture serves both losses of features."""
        config, network = self.config, self.features
        layers = sorted({*network.perceptual, *network.style})
        pictures = ((x.to(photos.dtype) + 1) / 2 for x in (painted, photos))
        seen, wanted = (dict(zip(layers, network(x, layers), strict=True)) for x in pictures)
        near = perceptual([seen[k] for k in network.perceptual], [wanted[k] for k in network.perceptual])
        alike = style([seen[k] for k in network.style], [wanted[k] for k in network.style])
        return {
            "l1": config.lambda_l1 * F.l1_loss(painted, photos),
            "perceptual": config.lambda_perceptual * near,
            "style": config.lambda_style * alike,
        }

    def _filled(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> Tensor:
        photos, masks = batch["photo"], batch["mask"]
        painted = networks["generator"](photos * 2 - 1, masks)
        return composite((painted + 1) / 2, photos, masks)
