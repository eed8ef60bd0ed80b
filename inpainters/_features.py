"""The perceptual and the style loss, and the networks, trained on ImageNet, whose features they compare."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

import torch
from torch import Tensor, nn
from torchvision.models import (
    SqueezeNet1_1_Weights,
    VGG16_Weights,
    VGG19_Weights,
    squeezenet1_1,
    vgg16,
    vgg19,
)
from torchvision.transforms.functional import normalize

from safebench.models.toolbox.layout import in_fastest_layout
from safebench.weights.fetch.backbones import backbone_file
from safebench.weights.read.checkpoints import fit, load_state

from ._winograd import Conv3x3


class Features(nn.Module):
    """A network cut off behind the last layer asked for; it needs no gradients of its own.

    `perceptual` and `style` are the numbers of the layers that each loss looks at.
    """

    perceptual: tuple[int, ...]
    style: tuple[int, ...]
    url: str

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = in_fastest_layout(layers)
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor, wanted: Collection[int]) -> list[Tensor]:
        """images: B x 3 x H x W in [0, 1].  Returns the features of the layers `wanted`, in ascending order."""
        features, kept = self.normalised(images), []
        for k in range(max(wanted) + 1):
            features = self.layers[k](features)
            if k in wanted:
                kept.append(self.scaled(features))
        return kept

    def normalised(self, images: Tensor) -> Tensor:
        """What the first layer is given."""
        return images

    def scaled(self, features: Tensor) -> Tensor:
        """What the losses are given."""
        return features


class Vgg19(Features):
    """VGG-19, its input in [0, 1] as the authors feed it: perceptual relu1_1 to relu5_1, style relu2_2 to relu5_2."""

    perceptual = (1, 6, 11, 20, 29)
    style = (8, 17, 26, 31)
    normalise = False
    """Whether the input is normalised first, as in its training on ImageNet."""
    url = VGG19_Weights.IMAGENET1K_V1.url

    def __init__(self) -> None:
        super().__init__(_by_winograd(vgg19(weights=None).features))

    def normalised(self, images: Tensor) -> Tensor:
        """As it comes, or as in its training on ImageNet."""
        return normalize(images, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]) if self.normalise else images


class ScaledFeatures(Features):
    """Fed as in its training on ImageNet; each place's features are brought to a mean square of 1 (as LPIPS does).

    Features differ in size by orders between layers; so scaled, the paper's weights fit as they fit VGG-19.
    """

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__(layers)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)

    def normalised(self, images: Tensor) -> Tensor:
        """As in its training on ImageNet."""
        return (images - self.get_buffer("mean")) / self.get_buffer("deviation")

    def scaled(self, features: Tensor) -> Tensor:
        """Divided by the root of the mean square over the channels at each place."""
        return features * torch.rsqrt(features.square().mean(1, keepdim=True) + 1e-6)


class Vgg16(ScaledFeatures):
    """VGG-16 up to relu4_3, half of VGG-19's parameters: perceptual relu1_2 to relu4_3, style relu2_2 to relu4_3."""

    perceptual = (3, 8, 15, 22)
    style = (8, 15, 22)
    url = VGG16_Weights.IMAGENET1K_V1.url

    def __init__(self) -> None:
        super().__init__(_by_winograd(vgg16(weights=None).features[: self.perceptual[-1] + 1]))


class SqueezeNet(ScaledFeatures):
    """SqueezeNet 1.1, 17 times smaller than VGG-19; the layers lie about where those of VGG-19 do."""

    perceptual = (1, 4, 7, 10, 12)
    style = (4, 7, 10, 12)
    url = SqueezeNet1_1_Weights.IMAGENET1K_V1.url

    def __init__(self) -> None:
        super().__init__(squeezenet1_1(weights=None).features)


def _by_winograd(layers: nn.Sequential) -> nn.Sequential:
    """The same layers; on a CPU their convolutions go by Winograd's filtering."""
    for k, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d):
            layers[k] = Conv3x3(layer.in_channels, layer.out_channels, padding=1)
            layers[k].load_state_dict(layer.state_dict())
    return layers


NETWORKS: Final[dict[str, Callable[[], Features]]] = {"vgg19": Vgg19, "vgg16": Vgg16, "squeezenet": SqueezeNet}


def load_features(name: str, user: str) -> Features:
    """The network `name` with its published weights; raises WeightsError, naming `user`, where they cannot be had."""
    with torch.random.fork_rng(devices=[]):  # its random start is overwritten, and must not move the training's seed
        network = NETWORKS[name]()
    others = " or ".join(other for other in NETWORKS if other != name)
    path = backbone_file(network.url, f"{user} ({name})", f"train with --set perceptual={others}")
    kept = network.layers.state_dict()
    stored = {key.removeprefix("features."): value for key, value in load_state(path).items()}
    stored = {key: value for key, value in stored.items() if key in kept}
    fit(network.layers, stored, f"{user} ({name}), {path}")
    return network


def perceptual(painted: Sequence[Tensor], photos: Sequence[Tensor]) -> Tensor:
    """Mean absolute differences of features, summed over layers (Johnson et al. 2016)."""
    differences = [(a - b).abs().mean(dtype=torch.float32) for a, b in zip(painted, photos, strict=True)]
    return torch.stack(differences).sum()


def style(painted: Sequence[Tensor], photos: Sequence[Tensor]) -> Tensor:
    """Mean absolute differences of the features' Gram matrices, summed over layers (Gatys et al. 2016)."""
    return perceptual([gram(a) for a in painted], [gram(b) for b in photos])


def gram(features: Tensor) -> Tensor:
    """Inner products of channels, divided by C h w: B x C x h x w to float32 B x C x C."""
    flat = features.permute(0, 2, 3, 1).flatten(1, 2)  # no copy where the channels lie last
    return torch.bmm(flat.transpose(1, 2), flat).float() / features[0].numel()
