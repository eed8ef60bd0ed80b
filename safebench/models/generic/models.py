"""An inpainter and a detector around any network that can be called with tensors."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from safebench.errors import ConfigError, ModelError, WeightsError
from safebench.models.contracts import Detection, Detector, Inpainter, Model
from safebench.models.generic import conventions
from safebench.models.generic.conventions import Convention, DetectorConvention, InpainterConvention
from safebench.models.toolbox.padding import pad_symmetric

Outputs = Tensor | Sequence[Tensor] | Mapping[str, Tensor]


@dataclass(frozen=True)
class Network:
    """A network from a file.

    call: takes the inputs in their order; raises RuntimeError where they do not suit it.
    types: of its inputs, where the file says them.  hint: what the `.toml` should say, where the network fails.
    """

    call: Callable[[list[Tensor]], Outputs]
    types: tuple[torch.dtype, ...] = ()
    hint: str = "does its .toml say what it takes?"


C = TypeVar("C", bound=Convention)


class _Generic(Model):
    """A network from a file, called image by image: many are saved for a batch of one."""

    @abstractmethod
    def open(self, path: Path, device: torch.device) -> Network:
        """Read the network's file; raises WeightsError where it is none."""

    def _open(self, weights: Path | None, device: torch.device, kind: type[C]) -> C:
        if weights is None:
            raise WeightsError(f"{self.card.name}: say which network, as {self.card.name}:FILE")
        self.device = device
        self.path = weights
        convention = conventions.read_convention(weights, kind)
        self.network = self.open(weights, device)
        inputs = convention.inputs if isinstance(convention, InpainterConvention) else ("image",)
        settings, said = weights.with_suffix(".toml"), convention.dtype
        self.types = self.network.types or (getattr(torch, said or "float32"),) * len(inputs)
        if said and getattr(torch, said) not in self.types:
            raise ConfigError(f'{settings}: dtype = "{said}", but the network takes {_names(self.types)}; leave it out')
        conventions.check_types(self.types, inputs, convention, settings)
        return convention

    def _call(self, inputs: list[Tensor], convention: Convention) -> Tensor:
        """The output that counts, for inputs of one image; they are padded first, the output keeps the padding."""
        height, width = inputs[0].shape[-2:]
        if convention.size is not None and convention.size != (height, width):
            only = f"{convention.size[1]}x{convention.size[0]}"
            raise ModelError(f"{self.path}: takes {only} pixels only, as its .toml says, not {width}x{height}")
        padded = [pad_symmetric(tensor, convention.multiple_of) for tensor in inputs]
        if convention.layout == "NHWC":
            padded = [tensor.permute(0, 2, 3, 1).contiguous() for tensor in padded]
        if len(padded) == len(self.types):  # else the network says how many it takes
            padded = [conventions.in_type(*pair) for pair in zip(padded, self.types, strict=True)]
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(self.seed)
            try:
                outputs = self.network.call(padded)
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), "")
                raise ModelError(f"{self.path}: the network failed: {reason}; {self.network.hint}") from error
        output = self._pick(outputs, convention.output)
        return output.permute(0, 3, 1, 2) if convention.layout == "NHWC" and output.ndim == 4 else output

    def _pick(self, outputs: Outputs, which: int | str) -> Tensor:
        try:
            if isinstance(outputs, Tensor):
                return (outputs,)[int(which)]
            if isinstance(outputs, Mapping) and isinstance(which, str):
                return outputs[which]
            return list(outputs.values() if isinstance(outputs, Mapping) else outputs)[int(which)]
        except (LookupError, ValueError):
            raise ModelError(f"{self.path}: the network has no output {which!r}; correct its .toml") from None

    def _check_shape(self, output: Tensor, *shapes: tuple[int | None, ...]) -> None:
        for shape in shapes:
            if len(shape) == output.ndim and all(a in (None, b) for a, b in zip(shape, output.shape, strict=True)):
                return
        raise ModelError(f"{self.path}: its output has the shape {tuple(output.shape)}, which is no picture or map")


class GenericInpainter(_Generic, Inpainter):
    """Any inpainting network."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; also raises ConfigError for a .toml that breaks the convention."""
        self.convention = self._open(weights, device, InpainterConvention)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`."""
        height, width = images.shape[-2:]
        pictures = []
        for k in range(len(images)):
            inputs = conventions.inputs(images[k : k + 1], masks[k : k + 1], self.convention)
            output = self._call(inputs, self.convention)
            self._check_shape(output, (1, 3, None, None))
            pictures.append(conventions.decode(output, self.convention)[..., :height, :width])
        return torch.cat(pictures)


class GenericDetector(_Generic, Detector):
    """Any localisation network; a map of another size than the image is resized to it bilinearly."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; also raises ConfigError for a .toml that breaks the convention."""
        self.convention = self._open(weights, device, DetectorConvention)

    def detect(self, images: Tensor) -> Detection:
        """See `Detector.detect`."""
        height, width = images.shape[-2:]
        maps = []
        for k in range(len(images)):
            output = self._call([conventions.encode(images[k : k + 1], self.convention)], self.convention)
            channels = None if self.convention.activation == "softmax" else 1
            self._check_shape(output, (1, None, None), (1, channels, None, None))
            probabilities = conventions.probability(output, self.convention)
            padded = [-(-side // self.convention.multiple_of) * self.convention.multiple_of for side in (height, width)]
            if list(probabilities.shape[-2:]) != padded:
                probabilities = F.interpolate(probabilities, size=padded, mode="bilinear", align_corners=False)
            maps.append(probabilities[:, 0, :height, :width])
        return Detection(torch.cat(maps).contiguous())


def _names(types: Sequence[torch.dtype]) -> str:
    return ", ".join(str(dtype).removeprefix("torch.") for dtype in types)
