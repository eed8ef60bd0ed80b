"""LPIPS, the learned perceptual distance of Zhang et al. 2018, through the `lpips` package (docs/protocol.md, 3)."""

from __future__ import annotations

import hashlib
import warnings
from types import MappingProxyType
from typing import Any, Final

import lpips
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights, VGG16_Weights

from safebench.errors import ConfigError
from safebench.metrics.remembering import Remembered
from safebench.weights.fetch.backbones import backbone_file
from safebench.weights.fetch.downloads import digest
from safebench.weights.read.checkpoints import fit, load_state

BACKBONES: Final = MappingProxyType(
    {
        "alex": AlexNet_Weights.IMAGENET1K_V1.url,
        "vgg": VGG16_Weights.IMAGENET1K_V1.url,
        "squeeze": SqueezeNet1_1_Weights.IMAGENET1K_V1.url,
    }
)
"""Where torchvision publishes each backbone; the end of a file's name is the start of its sha256."""


class Perceptual:
    """LPIPS v0.1 with one backbone: `net` is its name, `sha256` that of the file its weights came from.

    originals: the features of the photos that composites were compared with.
    """

    def __init__(self, net: str, sha256: str, network: nn.Module, device: torch.device) -> None:
        self.net = net
        self.sha256 = sha256
        self._network: Any = network
        self._device = device
        self.originals = Remembered()

    def __call__(self, composites: NDArray[np.uint8], originals: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Distances of composites from originals: uint8 B x H x W x 3 each, float64 B; 0 for identical images.

        Images go through the network one by one, so that a figure cannot depend on what else was in its batch.
        """
        pairs = zip(composites, originals, strict=True)
        return np.array([self._distance(composite, original) for composite, original in pairs], dtype=np.float64)

    def loss(self, painted: Tensor, photos: Tensor) -> Tensor:
        """The mean distance of pictures B x 3 x H x W in [0, 1], not rounded to 8 bits, with its gradient."""
        distances: Tensor = self._network(painted.float(), photos.float(), normalize=True)
        return distances.mean()

    def _distance(self, composite: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            layers = zip(self._features(composite), self._original(original), strict=True)
            weighted = (self._network.lins[k]((a - b) ** 2) for k, (a, b) in enumerate(layers))
            # in lpips' own order: the spatial mean of each layer, then their sum
            return float(sum(difference.mean((2, 3), keepdim=True) for difference in weighted))

    def _original(self, image: NDArray[np.uint8]) -> list[Tensor]:
        """The features of a photo, kept for the other holes and inpainters that it meets."""
        key = hashlib.sha256(image.tobytes()).digest()
        features = self.originals.get(key, self._device)
        if features is None:
            features = self._features(image)
            self.originals.put(key, features)
        return features

    def _features(self, image: NDArray[np.uint8]) -> list[Tensor]:
        """Each layer's features, of unit length at every place."""
        layers = self._network.net(self._network.scaling_layer(self._tensor(image)))
        return [lpips.normalize_tensor(layer) for layer in layers]

    def _tensor(self, image: NDArray[np.uint8]) -> Tensor:
        tensor = torch.from_numpy(np.array(image)).to(self._device).permute(2, 0, 1)[None]
        return tensor.to(torch.float32) / 127.5 - 1


def load_perceptual(net: str, device: torch.device) -> Perceptual:
    """LPIPS with the backbone `net` (alex, vgg or squeeze); its weights lie where torch.hub keeps its files.

    Raises ConfigError for another name; WeightsError where the weights cannot be fetched or the file does not fit.
    """
    if net not in BACKBONES:
        raise ConfigError(f"--lpips-net: '{net}' is no backbone of LPIPS; choose one of {', '.join(BACKBONES)}")
    path = backbone_file(BACKBONES[net], f"LPIPS ({net})", "choose another backbone with --lpips-net")
    network = _empty_network(net)
    # lpips cuts torchvision's `features` into slices, and keeps the layers' numbers: features.3 is slice2.3
    slices = {name.split(".", 1)[1]: name for name in network.net.state_dict()}
    stored = load_state(path)
    layers = {key.removeprefix("features."): key for key in stored if key.startswith("features.")}
    fit(network.net, {slices.get(layer, layer): stored[key] for layer, key in layers.items()}, f"LPIPS ({net}), {path}")
    return Perceptual(net, digest(path), network.to(device).requires_grad_(False), device)


def _empty_network(net: str) -> Any:
    """LPIPS with its calibrated linear layers and a backbone yet to be filled; leaves torch's seed as it was.

    `pnet_rand` keeps lpips from fetching the backbone itself: it would check nothing, unpickle anything, and print.
    """
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lpips calls torchvision by a deprecated argument
        return lpips.LPIPS(net=net, version="0.1", pnet_rand=True, verbose=False)
