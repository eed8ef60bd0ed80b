"""What a training is asked to do: the engine's own options, and those of the recipe."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from safebench.errors import ConfigError
from safebench.models.contracts import Recipe
from safebench.protocol import SIZE, check_mask_threshold, parse_bins
from safebench.runs.options import Said, as_flag, convert, guessed, in_file, read_options


class TrainConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of the loop; the fields are the long options of `safebench train` and a file's keys.

    batch_size: examples a step and process.  exclude: a file that names photos to leave out, one a line, of `images`
    and of those that validate; "" for none.  validation: held-out photos (a folder or a data set's name); "" keeps
    back one in twenty of the training's.  window: side of the part of each square of `resolution` that is trained on, 0
    for all of it.  workers: processes that make examples, 0 for none.  init: a checkpoint.pt or a product of another
    training, whose networks this one starts from.
    """

    images: tuple[str, ...] = ()
    masks: str = "irregular"
    mask_threshold: int | None = None
    bins: str = "all"
    exclude: str = ""
    validation: str = ""
    validation_masks: str = "irregular"
    validation_photos: int = 32
    validate_every: int = 500
    steps: int = 10_000
    batch_size: int = 4
    resolution: int = SIZE
    window: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    product: Literal["fp32", "fp16"] = "fp32"
    device: str = "auto"
    workers: int = 0
    seed: int = 0
    init: str = ""
    out: str = ""

    @property
    def side(self) -> int:
        """Of the examples, in pixels."""
        return self.window or self.resolution

    def check(self, said: Said) -> None:
        """Raise ConfigError where a value cannot be; `said` tells how an option was written."""
        if not self.images:
            raise ConfigError("no photos to train on are named: use --images DIR or the name of a data set")
        parse_bins(self.bins)
        if self.mask_threshold is not None:
            check_mask_threshold(self.mask_threshold)
        for name in ("validation_photos", "validate_every", "steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{said(name, getattr(self, name))}: has to be at least 1")
        if not 32 <= self.resolution <= 4096:
            raise ConfigError(f"{said('resolution', self.resolution)}: has to lie between 32 and 4096 pixels")
        if self.window and not 32 <= self.window <= self.resolution:
            raise ConfigError(
                f"{said('window', self.window)}: has to lie between 32 and the resolution, or be 0 for all"
            )
        for name in ("seed", "workers"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{said(name, getattr(self, name))}: has to be 0 or more")
        if self.device not in ("auto", "cpu", "cuda"):
            which = "auto, cpu or cuda; which GPUs is said by CUDA_VISIBLE_DEVICES"
            raise ConfigError(f"{said('device', self.device)}: {which}")


MAY_CHANGE = ("steps", "device", "workers", "validate_every", "out", "product")
"""Options that may differ when a training goes on."""


def make_configs(
    recipe: type[Recipe], name: str, preset: str, file: Path | None, options: Mapping[str, Any]
) -> tuple[TrainConfig, Any]:
    """The loop's config and the recipe's: the preset, over it the TOML `file`, over that `options`.

    Values of `options` may be text, as `--set key=value` gives them.  Raises ConfigError for a name that neither has,
    for a value that cannot be, for a preset that the recipe lacks, and for a resolution that it cannot train at.
    """
    if preset and preset not in recipe.presets:
        raise ConfigError(f"{name} has no preset '{preset}'; it has {', '.join(recipe.presets) or 'none'}")
    stored = read_options(file) if file else {}

    def said(key: str, value: Any) -> str:
        return in_file(file)(key, value) if file and key in stored and key not in options else as_flag(key, value)

    merged = {**recipe.presets.get(preset, {}), **stored, **options}
    engine = {field.name: field.type for field in msgspec.structs.fields(TrainConfig)}
    own = {field.name: field.default for field in msgspec.structs.fields(recipe.Config)}
    if unknown := sorted(set(merged) - set(engine) - set(own)):
        near = f"; {guess}" if (guess := guessed(unknown[0], [*own, *engine])) else ""
        raise ConfigError(f"{name} has no option '{unknown[0]}'; its own are {', '.join(own) or 'none'}{near}")
    theirs = {key: _listed(value, own[key]) for key, value in merged.items() if key in own}
    ours = {key: value for key, value in merged.items() if key in engine and key not in own}
    if isinstance(ours.get("images"), str | os.PathLike):
        ours["images"] = [ours["images"]]
    config = convert(ours, TrainConfig, said, strict=False)
    config.check(said)
    if wanted := recipe.sizes.unfit(config.resolution, config.resolution):
        raise ConfigError(f"{said('resolution', config.resolution)}: {name} has to be trained with {wanted}")
    if wanted := recipe.sizes.unfit(config.side, config.side):
        raise ConfigError(f"{said('window', config.window)}: {name} has to be trained with {wanted}")
    return config, convert(theirs, recipe.Config, said, strict=False)


def parse_settings(items: Sequence[str]) -> dict[str, str]:
    """`key=value` each; raises ConfigError for one that is not."""
    settings: dict[str, str] = {}
    for item in items:
        if not (match := re.fullmatch(r"([A-Za-z][\w-]*)=(.*)", item, re.DOTALL)):
            raise ConfigError(f"--set {item}: has to be key=value")
        if settings.setdefault(match[1].replace("-", "_"), match[2]) != match[2]:
            raise ConfigError(f"--set {item}: {match[1]} is set twice; keep one of them")
    return settings


def differences(before: Mapping[str, Any], now: Mapping[str, Any], may_change: Sequence[str] = MAY_CHANGE) -> list[str]:
    """`name was this, now that` for each option that keeps a training from going on.

    An option that an earlier release did not have is no difference.
    """
    names = [name for name in now if name in before and name not in may_change]
    return [f"{name} was {before[name]!r}, now {now[name]!r}" for name in names if before[name] != now[name]]


def _listed(value: Any, default: Any) -> Any:
    """Text for a field that holds several: split at commas."""
    return (
        [part for part in value.split(",") if part] if isinstance(default, tuple) and isinstance(value, str) else value
    )
