"""AOT-GAN's options."""

from __future__ import annotations

from typing import Literal

import msgspec

from safebench.training.limits import Channels, LossWeight, Rate

from .._rwsa import Attention
from .network import Generator


class AotGanConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The recipe's own options; the defaults are the authors'.

    attention: where RWSA stands.  width: channels of the first layer.  perceptual: the network whose
    features are compared.  lambda_*: the losses' weights.  learning_rate: Adam's, of both networks.
    """

    attention: Attention = "none"
    width: Channels = 64
    perceptual: Literal["vgg19", "vgg16", "squeezenet"] = "vgg19"
    lambda_l1: LossWeight = 1.0
    lambda_perceptual: LossWeight = 0.1
    lambda_style: LossWeight = 250.0
    lambda_adversarial: LossWeight = 0.01
    learning_rate: Rate = 1e-4


def build_generator(config: AotGanConfig) -> Generator:
    """The generator that a config describes, freshly initialised."""
    return Generator(config.width, config.attention)
