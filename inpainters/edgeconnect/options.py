"""EdgeConnect's options."""

from __future__ import annotations

from typing import Literal

import msgspec

from safebench.training.limits import Channels, LossWeight, Positive, Rate

from .._rwsa import Attention
from .network import EdgeGenerator, InpaintingGenerator

Stage = Literal["edge", "inpaint", "edge-inpaint", "joint"]
Adversarial = Literal["nsgan", "lsgan", "hinge"]


class EdgeConnectConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The recipe's own options; the defaults are the authors' example.

    stage: what is trained: the edge generator (`edge`), the inpainting generator on Canny's edges (`inpaint`) or on the
        edge generator's (`edge-inpaint`), or both at once (`joint`).
    attention: where RWSA stands in the inpainting generator.  width: channels of the first layers.  perceptual: the
    network whose features are compared.  adversarial: the form of that loss.  lambda_*: the losses' weights, `matching`
    that of the edge discriminator's features.  learning_rate: Adam's, of the generators; discriminator_rate: how many
    times that the discriminators' is.
    """

    stage: Stage = "joint"
    attention: Attention = "none"
    width: Channels = 64
    perceptual: Literal["vgg19", "vgg16", "squeezenet"] = "vgg19"
    adversarial: Adversarial = "nsgan"
    lambda_l1: LossWeight = 1.0
    lambda_perceptual: LossWeight = 0.1
    lambda_style: LossWeight = 250.0
    lambda_adversarial: LossWeight = 0.1
    lambda_matching: LossWeight = 10.0
    learning_rate: Rate = 1e-4
    discriminator_rate: Positive = 0.1


def build_generators(config: EdgeConnectConfig) -> dict[str, EdgeGenerator | InpaintingGenerator]:
    """Both generators that a config describes, by the names under which a product holds them, freshly initialised."""
    return {
        "edge_generator": EdgeGenerator(config.width),
        "generator": InpaintingGenerator(config.width, config.attention),
    }
