"""SafePaint's options: three presets, two sizes, four variants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
import torch
from torch import Tensor, nn

from safebench.training.limits import Decay, LossWeight, Rate
from safebench.weights.read.checkpoints import fit

from .generator import Design, Generator

CHANNELS = {"base": 64, "small": 32}
"""Channels of the first layers of generators, extractor and discriminator."""


class SafePaintConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """SafePaint's own options; the defaults are preset `safebench`.

    design: of the networks, see `Generator`.  size_preset: `base` (64 channels) or `small` (32).
    stage: what is trained: both generators (`joint`), or G1 alone (`coarse`), with no adversary, grain or LPIPS.
    variant: with or without the domain part (extractor, V, domain loss: "ddl") and RWSA.
    perceptual: the network whose features are compared.  judged: what the losses look at, the whole `output` or the
    `composite` with its known pixels put back.  adversarial: the discriminator's loss.  lambda_*: the losses' weights;
    lambda_lpips is of LPIPS (SqueezeNet), which validation reports: of the picture that is shipped, not of the coarse.
    against: detectors that are to find nothing in the composites, as they are; lambda_against weighs what they find.
    learning_rate: Adam's, of all networks.  average: decay of the running average of the generator's weights that is
    validated and shipped; 0 for none.
    """

    design: Design = "safebench"
    size_preset: Literal["base", "small"] = "base"
    stage: Literal["joint", "coarse"] = "joint"
    variant: Literal["backbone", "backbone+ddl", "backbone+rwsa", "full"] = "full"
    perceptual: Literal["vgg19", "vgg16", "squeezenet"] = "vgg19"
    judged: Literal["output", "composite"] = "composite"
    adversarial: Literal["hinge", "nonsaturating"] = "hinge"
    lambda_l1: LossWeight = 1.0
    lambda_perceptual: LossWeight = 0.1
    lambda_style: LossWeight = 50.0
    lambda_adversarial: LossWeight = 0.02
    lambda_domain: LossWeight = 0.01
    lambda_spread: LossWeight = 0.1
    lambda_grain: LossWeight = 0.05
    lambda_lpips: LossWeight = 0.0
    against: tuple[str, ...] = ()
    lambda_against: LossWeight = 0.1
    learning_rate: Rate = 2e-4
    average: Decay = 0.998


PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "safebench": {},
    "paper": {
        "design": "paper",
        "judged": "output",
        "lambda_style": 250.0,
        "lambda_adversarial": 0.1,
        "lambda_spread": 0.0,
        "lambda_grain": 0.0,
        "average": 0.0,
    },
    "authors": {
        "design": "authors",
        "judged": "output",
        "adversarial": "nonsaturating",
        "lambda_style": 250.0,
        "lambda_adversarial": 0.1,
        "lambda_spread": 0.0,
        "lambda_grain": 0.0,
        "average": 0.0,
    },
}


def build_generator(config: SafePaintConfig) -> Generator:
    """The generators that a config describes, freshly initialised."""
    return Generator(
        CHANNELS[config.size_preset],
        design=config.design,
        attention=config.variant in ("backbone+rwsa", "full"),
        domain=config.variant in ("backbone+ddl", "full"),
    )


def fit_product(network: nn.Module, product: Mapping[str, Tensor], name: str) -> None:
    """Load what a training left into a generator; raises WeightsError, naming `name`, where it does not fit.

    In products from before G2 decided on the detail's share, each place gets a half of it.
    """
    wanted = network.state_dict()
    older: dict[str, Tensor] = {
        key: torch.zeros_like(wanted[key])
        for key in ("fine_generator.share.weight", "fine_generator.share.bias")
        if key in wanted and key not in product
    }
    fit(network, {**product, **older}, name)
