"""How SafePaint is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from safebench.metrics.perceptual import Perceptual, load_perceptual
from safebench.models.cards import Card, Input
from safebench.models.contracts import Recipe as BaseRecipe
from safebench.models.toolbox.layout import fastest_layout
from safebench.training.against import Opponents, check_differentiable

from .._features import Features, load_features, perceptual, style
from .._training import composite, frozen, quality
from . import losses
from .discriminator import Discriminator
from .generator import MULTIPLE, SMALLEST, Painting
from .layers import draw_noise
from .options import CHANNELS, PRESETS, SafePaintConfig, build_generator, fit_product

SHIFTS = 16
"""Pixels by which pictures are shifted before their features are taken, down and to the right, less than so many: else
the generators learn to please a network's strides with a grid of their size."""
LPIPS = "squeeze"
"""The backbone of the LPIPS that validation reports, and of the one that is learned from."""


class Recipe(BaseRecipe):
    """Two generators and the domain extractor against a discriminator (equation 14).

    The generators step first, with the discriminator as it was; then the discriminator, on the same paintings.
    """

    Config = SafePaintConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    watch = ("lpips", "min")
    sizes: ClassVar[Input] = Input(multiple_of=MULTIPLE, smallest_side=SMALLEST)

    config: SafePaintConfig
    features: Features
    lpips: Perceptual
    layout: torch.memory_format
    opponents: Opponents | None = None

    def __init__(self, card: Card, config: SafePaintConfig) -> None:
        super().__init__(card, config)
        for name in config.against:
            check_differentiable(name)
        self.refines = config.stage == "joint"
        self.compares_features = config.lambda_perceptual > 0 or config.lambda_style > 0

    def build(self) -> dict[str, nn.Module]:
        """See `Recipe.build`; `average` is the generator's running average, which is not trained."""
        config = self.config
        generator = build_generator(config)
        if not self.refines:
            generator.requires_grad_(False).coarse_generator.requires_grad_(True)
        ours = config.design == "safebench"
        networks: dict[str, nn.Module] = {
            "generator": generator,
            "discriminator": Discriminator(CHANNELS[config.size_preset], residuals=ours),
        }
        if config.average:
            average = AveragedModel(generator, multi_avg_fn=_Decay(config.average), use_buffers=True)
            networks["average"] = average.requires_grad_(False)
        self.layout = fastest_layout(*networks.values())
        return {name: network.to(memory_format=self.layout) for name, network in networks.items()}

    def start(self, networks: Mapping[str, nn.Module], product: Mapping[str, Tensor], name: str) -> None:
        """See `Recipe.start`; a product holds no discriminator, which begins anew."""
        for network in (networks["generator"], _shipped(networks)):
            fit_product(network, product, name)

    def optimisers(self, networks: Mapping[str, nn.Module]) -> dict[str, torch.optim.Optimizer]:
        """Adam with the paper's settings; the extractor is trained with the generators."""
        return {
            name: torch.optim.Adam(
                networks[name].parameters(), lr=self.config.learning_rate, betas=(0.5, 0.999), fused=True
            )
            for name in ("generator", "discriminator")
        }

    def prepare(self, device: torch.device) -> None:
        """Load the networks of the losses that are weighed and of LPIPS, and the detectors that are trained against.

        Raises WeightsError where they cannot be had.
        """
        if self.compares_features:
            self.features = load_features(self.config.perceptual, "perceptual loss").to(device)
        self.lpips = load_perceptual(LPIPS, device)
        self.opponents = Opponents(self.config.against, device) if self.config.against else None

    def step(
        self,
        networks: Mapping[str, nn.Module],
        batch: Mapping[str, Tensor],
        update: Callable[[str, Tensor], None],
    ) -> dict[str, Tensor]:
        """See `Recipe.step`."""
        photos, masks = batch["photo"].contiguous(memory_format=self.layout), batch["mask"]
        compare, adversary = self.config.lambda_domain > 0, self.refines and self.config.lambda_adversarial > 0
        painting: Painting = networks["generator"](photos, masks, compare=compare, refine=self.refines)
        refined = self._judged(painting.refined, photos, masks)
        told_apart = self.config.design == "safebench" and self.config.judged == "composite"
        parts = self._generator_losses(painting, refined, photos, masks)
        patches: Tensor | None = None
        if adversary:
            with frozen(networks["discriminator"]) as discriminator:
                fake = discriminator(refined)
                patches = _to_patches(masks, fake) if told_apart else None
                parts["adversarial"] = self.config.lambda_adversarial * self._fooling(fake, patches)
        update("generator", torch.stack(list(parts.values())).sum())
        if "average" in networks:
            average = networks["average"]
            assert isinstance(average, AveragedModel)  # noqa: S101  (so `build` made it)
            average.update_parameters(networks["generator"])

        figures = {name: loss.detach() for name, loss in parts.items()}
        if adversary:  # else nothing asks it, and it learns nothing
            real, fake = networks["discriminator"](torch.cat([photos, refined.detach()])).chunk(2)
            telling = self._telling(real, fake, patches)
            update("discriminator", telling)
            figures |= {"discriminator": telling.detach(), "real": real.mean().detach(), "fake": fake.mean().detach()}
        if painting.background is not None:
            figures["spread"] = losses.spread(painting.background.detach())
        return figures

    def validate(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """PSNR in dB, LPIPS (SqueezeNet) and L1 of the 8-bit composites."""
        painting = self._paint(networks, batch)
        return quality(composite(painting.refined, batch["photo"], batch["mask"]), batch["photo"], self.lpips)

    def preview(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Hole, coarse, final and original."""
        photos, masks = batch["photo"], batch["mask"]
        painting = self._paint(networks, batch)
        return {
            "hole": photos * (1 - masks) + masks,
            "coarse": composite(painting.coarse, photos, masks),
            "final": composite(painting.refined, photos, masks),
            "original": photos,
        }

    def product(self, networks: Mapping[str, nn.Module]) -> dict[str, Tensor]:
        """The generator's state with the parts' names of the authors' checkpoints; its average where there is one."""
        return _shipped(networks).state_dict()

    def _generator_losses(
        self, painting: Painting, refined: Tensor, photos: Tensor, masks: Tensor
    ) -> dict[str, Tensor]:
        """All but the adversarial one, weighed."""
        config = self.config
        both = [self._judged(painting.coarse, photos, masks), refined] if self.refines else [refined]
        divisor = None if config.design == "paper" else masks
        errors = [losses.reconstruction(stage, photos, divisor) for stage in both]
        parts = {"l1": config.lambda_l1 * torch.stack(errors).sum()}
        if self.compares_features:
            stages = both[-1:] if config.design == "safebench" else both
            perceptual, style = self._feature_losses(stages, photos, masks)
            parts |= {"perceptual": config.lambda_perceptual * perceptual, "style": config.lambda_style * style}
        if painting.painted is not None and painting.background is not None and painting.original is not None:
            distance = losses.domain_difference if config.design == "authors" else losses.domain_distance
            vectors = (painting.painted, painting.background, painting.original)
            parts["domain"] = config.lambda_domain * distance(*vectors)
            if config.lambda_spread:
                parts["collapse"] = config.lambda_spread * losses.collapse(torch.cat(vectors[1:]))
        if config.lambda_grain and self.refines:
            parts["grain"] = config.lambda_grain * losses.grain(refined, photos, masks)
        if config.lambda_lpips and self.refines:
            parts["lpips"] = config.lambda_lpips * self.lpips.loss(*_shifted(refined, photos))
        if self.opponents is not None:
            composites = composite(painting.refined, photos, masks)
            parts["against"] = config.lambda_against * self.opponents.found(composites, masks)
        return parts

    def _feature_losses(self, stages: list[Tensor], photos: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        """The perceptual and the style loss, summed over the stages; the photos' features are computed once.

        Judging whole outputs, the style is that of the masked pictures; of composites, of the whole ones, whose known
        pixels are equal, so that no edge of a mask is compared and one pass serves both losses.
        """
        network, count = self.features, len(stages)
        if not self.refines:
            photos, *stages = (losses.blurred(picture) for picture in (photos, *stages))
        if self.config.design == "safebench":
            photos, masks, *stages = _shifted(photos, masks, *stages)
        painted = torch.cat(stages)
        if self.config.judged == "composite":
            layers = sorted({*network.perceptual, *network.style})
            wanted = dict(zip(layers, network(photos, layers), strict=True))
            found = dict(zip(layers, network(painted, layers), strict=True))
            pairs = [
                ([found[k] for k in chosen], [_repeated(wanted[k], count) for k in chosen])
                for chosen in (network.perceptual, network.style)
            ]
        else:
            pairs = []
            for chosen, weight in ((network.perceptual, None), (network.style, masks)):
                targets = network(photos if weight is None else photos * weight, chosen)
                seen = painted if weight is None else painted * _repeated(weight, count)
                pairs.append((network(seen, chosen), [_repeated(target, count) for target in targets]))
        # a mean over the stages' common batch, so times their number
        return count * perceptual(*pairs[0]), count * style(*pairs[1])

    def _judged(self, painted: Tensor, photos: Tensor, masks: Tensor) -> Tensor:
        return painted if self.config.judged == "output" else photos * (1 - masks) + painted * masks

    def _fooling(self, fake: Tensor, share: Tensor | None) -> Tensor:
        if self.config.adversarial == "hinge":
            return losses.hinge_generator(fake, share)
        return losses.nonsaturating_generator(fake)

    def _telling(self, real: Tensor, fake: Tensor, share: Tensor | None) -> Tensor:
        if self.config.adversarial == "hinge":
            return losses.hinge_discriminator(real, fake, share)
        return losses.nonsaturating_discriminator(real, fake)

    def _paint(self, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> Painting:
        """Without a look at what the hole hides, and with the same noise each time."""
        photos, masks = batch["photo"], batch["mask"]
        painting: Painting = _shipped(networks)(photos * (1 - masks), masks, draw_noise(photos, 0))
        return painting


class _Decay:
    """The running average's rule: the decay grows up to its value, so that the start is soon forgotten."""

    def __init__(self, decay: float) -> None:
        self.decay = decay

    @torch.no_grad()
    def __call__(self, averages: Sequence[Tensor], currents: Sequence[Tensor], count: Tensor | int) -> None:
        decay = min(self.decay, (1 + float(count)) / (10 + float(count)))
        for average, current in zip(averages, currents, strict=True):
            if average.is_floating_point():
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(current)


def _shipped(networks: Mapping[str, nn.Module]) -> nn.Module:
    """The generator that is validated and shipped, out of whatever wraps it."""
    network = networks.get("average", networks["generator"])
    inner: nn.Module = getattr(network, "module", network)
    return inner


def _to_patches(masks: Tensor, logits: Tensor) -> Tensor:
    """1 for each logit whose cell holds painted pixels."""
    return F.adaptive_max_pool2d(masks, (logits.shape[-2], logits.shape[-1]))


def _shifted(*pictures: Tensor) -> list[Tensor]:
    """All of them without the same few rows and columns, drawn at random."""
    down, right = torch.randint(SHIFTS, (2,)).tolist()
    return [picture[..., down:, right:] for picture in pictures]


def _repeated(tensor: Tensor, count: int) -> Tensor:
    return tensor if count == 1 else tensor.repeat(count, *(1,) * (tensor.dim() - 1))
