"""What a training is asked to do: the engine's own options, and those of the recipe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from safebench.errors import ConfigError
from safebench.models.contracts import Recipe
from safebench.protocol import SIZE, check_mask_threshold, parse_bins


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of the loop; the fields are the long options of `safebench train` and a file's keys.

    batch_size: examples a step and process.  validation: held-out photos (a folder or a data set's name); "" keeps
    back one in twenty of the training's.  workers: processes that make examples, 0 for none.  init: a checkpoint.pt
    or a product of another training, whose networks this one starts from.
    """

    images: tuple[str, ...] = ()
    masks: str = "irregular"
    mask_threshold: int | None = None
    bins: str = "all"
    validation: str = ""
    validation_masks: str = "irregular"
    validation_photos: int = 32
    validate_every: int = 500
    steps: int = 10_000
    batch_size: int = 4
    resolution: int = SIZE
    precision: Literal["fp32", "bf16"] = "fp32"
    product: Literal["fp32", "fp16"] = "fp32"
    device: str = "auto"
    workers: int = 0
    seed: int = 0
    init: str = ""
    out: str = ""

    def checked(self) -> TrainConfig:
        """Itself, where its values can be; raises ConfigError otherwise."""
        if not self.images:
            raise ConfigError("no photos to train on are named: use --images DIR or the name of a data set")
        parse_bins(self.bins)
        if self.mask_threshold is not None:
            check_mask_threshold(self.mask_threshold)
        for name in ("validation_photos", "validate_every", "steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} {getattr(self, name)}: has to be at least 1")
        if not 32 <= self.resolution <= 4096:
            raise ConfigError(f"resolution {self.resolution}: has to lie between 32 and 4096 pixels")
        if self.seed < 0 or self.workers < 0:
            raise ConfigError("seed and workers have to be 0 or more")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ConfigError(f"device {self.device}: auto, cpu or cuda; which GPUs is said by CUDA_VISIBLE_DEVICES")
        return self


MAY_CHANGE = ("steps", "device", "workers", "validate_every", "out", "product")
"""Options that may differ when a training goes on."""


def make_configs(
    recipe: type[Recipe], name: str, preset: str, file: Path | None, options: Mapping[str, Any]
) -> tuple[TrainConfig, Any]:
    """The loop's config and the recipe's: the preset, over it the TOML `file`, over that `options`.

    Values of `options` may be text, as `--set key=value` gives them.  Raises ConfigError for a name that neither has,
    for a value that cannot be, and for a preset that the recipe does not have.
    """
    if preset and preset not in recipe.presets:
        raise ConfigError(f"{name} has no preset '{preset}'; it has {', '.join(recipe.presets) or 'none'}")
    merged = {**recipe.presets.get(preset, {}), **(_read(file) if file else {}), **options}
    engine = {field.name for field in msgspec.structs.fields(TrainConfig)}
    own = {field.name: field.default for field in msgspec.structs.fields(recipe.Config)}
    if unknown := sorted(set(merged) - engine - set(own)):
        raise ConfigError(f"{name} has no option '{unknown[0]}'; its own are {', '.join(own) or 'none'}")
    theirs = {key: _listed(value, own[key]) for key, value in merged.items() if key in own}
    ours = {key: value for key, value in merged.items() if key in engine and key not in own}
    if isinstance(ours.get("images"), str):
        ours["images"] = [ours["images"]]
    try:
        return msgspec.convert(ours, TrainConfig, strict=False).checked(), msgspec.convert(
            theirs, recipe.Config, strict=False
        )
    except msgspec.ValidationError as error:
        raise ConfigError(f"{name}: {error}") from None


def parse_settings(items: Sequence[str]) -> dict[str, str]:
    """`key=value` each; raises ConfigError for one that is not."""
    settings = {}
    for item in items:
        if not (match := re.fullmatch(r"([A-Za-z][\w-]*)=(.*)", item, re.DOTALL)):
            raise ConfigError(f"--set {item}: has to be key=value")
        settings[match[1].replace("-", "_")] = match[2]
    return settings


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """`name was this, now that` for each option that keeps a training from going on.

    An option that an earlier release did not have is no difference.
    """
    names = [name for name in now if name in before and name not in MAY_CHANGE]
    return [f"{name} was {before[name]!r}, now {now[name]!r}" for name in names if before[name] != now[name]]


def _listed(value: Any, default: Any) -> Any:
    """Text for a field that holds several: split at commas."""
    return (
        [part for part in value.split(",") if part] if isinstance(default, tuple) and isinstance(value, str) else value
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.toml.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"--config {path}: cannot be read ({error})") from None
    return {key.replace("-", "_"): value for key, value in found.items()}
