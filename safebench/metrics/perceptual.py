"""LPIPS, the learned perceptual distance of Zhang et al. 2018, through the `lpips` package (docs/protocol.md, 3)."""

from __future__ import annotations

import contextlib
import http.client
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import lpips
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models import AlexNet_Weights, SqueezeNet1_1_Weights, VGG16_Weights

from safebench.errors import ConfigError, WeightsError
from safebench.weights import checksum

BACKBONES: Final = MappingProxyType(
    {
        "alex": AlexNet_Weights.IMAGENET1K_V1.url,
        "vgg": VGG16_Weights.IMAGENET1K_V1.url,
        "squeeze": SqueezeNet1_1_Weights.IMAGENET1K_V1.url,
    }
)
"""Where torchvision publishes each backbone; the end of a file's name is the start of its sha256."""

PATIENCE = 5.0
"""Seconds without an answer after which an address is given up."""


class Perceptual:
    """LPIPS v0.1 with one backbone: `net` is its name, `sha256` that of the file its weights came from."""

    def __init__(self, net: str, sha256: str, network: nn.Module, device: torch.device) -> None:
        self.net = net
        self.sha256 = sha256
        self._network = network
        self._device = device

    def __call__(self, composites: NDArray[np.uint8], originals: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Distances of composites from originals: uint8 B x H x W x 3 each, float64 B; 0 for identical images.

        Images go through the network one by one, so that a figure cannot depend on what else was in its batch.
        """
        pairs = zip(composites, originals, strict=True)
        return np.array([self._distance(composite, original) for composite, original in pairs], dtype=np.float64)

    def _distance(self, composite: NDArray[np.uint8], original: NDArray[np.uint8]) -> float:
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            return float(self._network(self._tensor(composite), self._tensor(original)))

    def _tensor(self, image: NDArray[np.uint8]) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(image)).to(self._device).permute(2, 0, 1)[None]
        return tensor.to(torch.float32) / 127.5 - 1


def load_perceptual(net: str, device: torch.device) -> Perceptual:
    """LPIPS with the backbone `net` (alex, vgg or squeeze); its weights lie where torch.hub keeps its files.

    Raises ConfigError for another name; WeightsError where the weights cannot be fetched or the file does not fit.
    """
    if net not in BACKBONES:
        raise ConfigError(f"--lpips-net: '{net}' is no backbone of LPIPS; choose one of {', '.join(BACKBONES)}")
    path = _fetched(net)
    network = _empty_network(net)
    _fill(network.net, path)
    return Perceptual(net, checksum(path), network.to(device), device)


def _fetched(net: str) -> Path:
    """The backbone's file, downloaded where it is not there yet."""
    url = BACKBONES[net]
    path = Path(torch.hub.get_dir(), "checkpoints", url.rsplit("/", 1)[-1])
    if path.is_file():
        return path
    prefix = path.stem.rsplit("-", 1)[-1]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _impatient_sockets():
            torch.hub.download_url_to_file(url, str(path), hash_prefix=prefix, progress=False)
    # OSError: no network, no room, no right to write; RuntimeError: the sha256 is another
    except (OSError, RuntimeError, http.client.HTTPException) as error:
        raise WeightsError(
            f"LPIPS ({net}): its backbone could not be fetched from {url} ({error}); "
            f"put the file at {path}, or choose another backbone with --lpips-net"
        ) from None
    return path


@contextlib.contextmanager
def _impatient_sockets() -> Iterator[None]:
    """torch.hub sets no time limit, so that a silent network would hang it."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _empty_network(net: str) -> Any:
    """LPIPS with its calibrated linear layers and a backbone yet to be filled; leaves torch's seed as it was.

    `pnet_rand` keeps lpips from fetching the backbone itself, which it would do without a check, a time limit, or
    safe unpickling, and with a line on standard output.
    """
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lpips calls torchvision by a deprecated argument
        return lpips.LPIPS(net=net, version="0.1", pnet_rand=True, verbose=False)


def _fill(backbone: nn.Module, path: Path) -> None:
    """Load a torchvision checkpoint into lpips' slices of it.

    lpips splits `features` into slices and keeps the layers' numbers: features.3.weight is slice2.3.weight.
    """
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        names = {name: "features." + name.split(".", 1)[1] for name in backbone.state_dict()}
        backbone.load_state_dict({name: stored[source] for name, source in names.items()})
    except Exception as error:  # what a damaged file raises is nowhere promised
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise WeightsError(
            f"LPIPS: {path} is damaged or holds another network ({reason}); delete it to fetch it anew"
        ) from None
