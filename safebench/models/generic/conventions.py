"""How a user's own network takes its input and gives its output: FILE.toml beside the network's file.

Without that file the network is taken to follow SafeBench's own contract: photos in [0, 1] with the hole blanked to 0,
then the mask with 1 = hole; pictures (or maps) in [0, 1] come back.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
import torch
from msgspec import Meta
from torch import Tensor

from safebench.errors import ConfigError
from safebench.files import read_text

Range = tuple[float, float]
Triple = tuple[float, float, float]
Side = Annotated[int, Meta(ge=1)]


class Convention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What inpainters and detectors share."""

    range: Range = (0.0, 1.0)
    """What black and white are to the network: [0, 1], [-1, 1], [0, 255]."""
    mean: Triple = (0.0, 0.0, 0.0)
    """Subtracted from each channel after that."""
    std: Triple = (1.0, 1.0, 1.0)
    """What each channel is then divided by."""
    channels: Literal["RGB", "BGR"] = "RGB"
    layout: Literal["NCHW", "NHWC"] = "NCHW"
    """Whether channels come before the rows, in the input and in the output, or last."""
    dtype: Literal["float16", "bfloat16", "float32", "float64", "uint8"] | None = None
    """The numbers that it is called with; float32 where it is left out, or what an ONNX graph says of itself."""
    size: tuple[Side, Side] | None = None
    """Height and width, where the network takes no others."""
    multiple_of: Side = 1
    """What the sides have to be multiples of; other images are padded by mirroring, and the result is cropped."""
    output: int | str = 0
    """Which of several outputs counts: its place, or its name."""

    def __post_init__(self) -> None:
        if self.range[0] == self.range[1] or min(self.std) <= 0:
            raise ValueError("black and white have to differ, and every std has to be above 0")


class InpainterConvention(Convention, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an inpainting network is called."""

    inputs: Annotated[tuple[Literal["image", "mask", "image+mask", "mask+image"], ...], Meta(min_length=1)] = (
        "image",
        "mask",
    )
    """The inputs in their order; `+` joins along the channels."""
    hole: Literal[0, 1] = 1
    """The mask's value in the hole."""
    mask_range: Range = (0.0, 1.0)
    """What 0 and 1 of the mask are to the network: [0, 255] for one that takes masks as pictures."""
    fill: Annotated[float, Meta(ge=0, le=1)] = 0.0
    """The hole's colour in the image: 0 is black, 1 is white, whatever `range` makes of them."""
    output_range: Range | None = None
    """What black and white are in the output; as `range` where it is left out."""
    clip: bool = False
    """Whether values beyond black and white are clipped; otherwise they are an error."""

    def __post_init__(self) -> None:
        Convention.__post_init__(self)
        if self.output_range is not None and self.output_range[0] == self.output_range[1]:
            raise ValueError("black and white have to differ in the output too")
        if self.mask_range[0] == self.mask_range[1]:
            raise ValueError("hole and known have to differ in the mask")


class DetectorConvention(Convention, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a localisation network is called."""

    activation: Literal["none", "sigmoid", "softmax"] = "none"
    """What turns its output into a probability of inpainted pixels; `softmax` takes the last of several channels."""
    output_range: Range = (0.0, 1.0)
    """What surely known and surely inpainted are in the output, before that: [0, 255] where maps come as pictures."""

    def __post_init__(self) -> None:
        Convention.__post_init__(self)
        if self.output_range[0] == self.output_range[1]:
            raise ValueError("known and inpainted have to differ in the output")


C = TypeVar("C", bound=Convention)


def read_convention(network: Path, kind: type[C]) -> C:
    """The convention beside a network's file; the default one where there is none.

    Raises ConfigError, naming the file, where it is no text in UTF-8 or no TOML, or holds a field that is unknown or
    of another type.
    """
    path = network.with_suffix(".toml")
    if not path.is_file():
        return kind()
    try:
        return msgspec.toml.decode(read_text(path), type=kind)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: {error}; docs/own-models.md tells what it may hold") from None


def encode(images: Tensor, convention: Convention) -> Tensor:
    """Photos (B x 3 x H x W, RGB in [0, 1]) as the network wants them."""
    black, white = convention.range
    mean, std = (images.new_tensor(values)[:, None, None] for values in (convention.mean, convention.std))
    ordered = images.flip(1) if convention.channels == "BGR" else images
    return (ordered * (white - black) + black - mean) / std


def decode(output: Tensor, convention: InpainterConvention) -> Tensor:
    """A network's pictures (B x 3 x H x W) as RGB in [0, 1]."""
    black, white = convention.output_range or convention.range
    images = (output.to(torch.float32) - black) / (white - black)
    images = images.flip(1) if convention.channels == "BGR" else images
    return images.clamp(0, 1) if convention.clip else images


def inputs(images: Tensor, masks: Tensor, convention: InpainterConvention) -> list[Tensor]:
    """What an inpainting network is called with: photos in [0, 1] and masks with 1 = hole, by its convention."""
    filled = torch.where(masks > 0.5, images.new_tensor(convention.fill), images)
    low, high = convention.mask_range
    marked = masks if convention.hole == 1 else 1 - masks
    parts = {"image": encode(filled, convention), "mask": marked * (high - low) + low}
    return [torch.cat([parts[name] for name in group.split("+")], dim=1) for group in convention.inputs]


def probability(output: Tensor, convention: DetectorConvention) -> Tensor:
    """A network's maps (B x H x W, or B x channels x H x W) as B x 1 x H x W."""
    low, high = convention.output_range
    maps = (output.to(torch.float32) - low) / (high - low)
    maps = maps[:, None] if maps.ndim == 3 else maps
    if convention.activation == "softmax":
        return maps.softmax(1)[:, -1:]
    return maps.sigmoid() if convention.activation == "sigmoid" else maps


def in_type(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Numbers as a network takes them; whole ones are rounded to, not cut off."""
    if dtype == torch.bool:
        return tensor > 0.5
    return (tensor if dtype.is_floating_point else tensor.round()).to(dtype)


def check_types(types: Sequence[torch.dtype], groups: Sequence[str], convention: Convention, settings: Path) -> None:
    """Raise ConfigError where a network takes whole numbers and its convention would hand it none.

    types: of its inputs, in their order; groups: what each of them is (`image`, `mask`, `image+mask`).
    settings: the convention's file, which the sentence names.
    """
    black, white = convention.range
    shifted = any(convention.mean) or set(convention.std) != {1.0}
    exact = black.is_integer() and white.is_integer() and (white - black) % 255 == 0 and not shifted
    for dtype, group in zip(types, groups, strict=False):
        if dtype.is_floating_point or "image" not in group:
            continue
        limits = None if dtype == torch.bool else torch.iinfo(dtype)
        if limits is None or not (exact and all(limits.min <= level <= limits.max for level in (black, white))):
            raise ConfigError(
                f"{settings}: the network takes its pictures as {str(dtype).removeprefix('torch.')}; say in this file "
                "how the 256 levels of a photo are whole numbers of that type (range = [0, 255])"
            )
