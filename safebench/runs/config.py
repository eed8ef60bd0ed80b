"""What a run is asked to do: the options of `safebench run`, from flags and a suite file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from safebench.errors import ConfigError
from safebench.protocol import (
    NATIVE,
    NO_POSTPROCESS,
    REGENERATED,
    SIZE,
    SPLICED,
    check_mask_threshold,
    check_tile,
    parse_bins,
)
from safebench.runs.options import Said, as_flag, convert, in_file, read_options


class AdaptOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How detectors go on learning (`RunConfig.adapt`).

    inpainters: whose pictures they see, of those of the run; none: all but controls.  steps: of each training.
    held_out: photos that no detector learns from; None: a third, and 100 at most.  settings: options of the recipes,
    and the loop's batch_size, precision, product and workers.
    """

    inpainters: tuple[str, ...] = ()
    steps: int = 500
    held_out: int | None = None
    settings: dict[str, str | int | float | bool] = {}


class RunConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides a run; the fields are the long options of `safebench run` and a suite's keys."""

    inpainters: tuple[str, ...]
    detectors: tuple[str, ...] = ()
    images: str = "sample"
    masks: str = "irregular"
    pictures: str | None = None
    """Forged pictures of others, looked at instead of what inpainters make: a published set, a list, or a directory."""
    mask_hole: Literal["white", "black", "auto-by-difference"] = "white"
    """Which side of the masks of `pictures` is the hole; the last: that on which picture and original differ."""
    exclude: str | None = None
    """A file that names photos, or those of `pictures`, to leave out, one a line."""
    mask_threshold: int | None = None
    """The level from which on a pixel of a mask in a directory is hole; None: masks have to be black and white."""
    bins: str = "10-20,30-40,50-60"
    limit: int | None = None
    """Photos, not samples: each meets one mask of every bin."""
    seed: int = 0
    size: int | Literal["native"] = SIZE
    """Side of the evaluated images; native: each keeps its own size, as `pictures` always do."""
    tile: int | None = None
    """Detectors look at pictures with a longer side in square tiles of this one, that overlap; None: at all whole."""
    batch_size: int | Literal["auto"] = "auto"
    """Images a call; auto: 4 on a CPU, 32 on a GPU, halved where the memory runs out."""
    device: str = "auto"
    precision: Literal["fp32", "bf16"] = "fp32"
    compile: bool = False
    engine: Literal["local", "ray", "slurm"] = "local"
    workers: int | None = None
    """local: threads that read, and as many that write; ray: actors; slurm: jobs an array."""
    ray_address: str | None = None
    slurm: dict[str, str] = {}
    storage: str | None = None
    postprocess: tuple[str, ...] = (NO_POSTPROCESS,)
    """What is done to pictures before a detector sees them: chains (`resize:0.5+jpeg:90`) and suites of levels."""
    assembly: tuple[str, ...] = (SPLICED,)
    """How an inpainter's output becomes a picture: into the hole alone, or whole."""
    keep_maps: bool = False
    keep_results: bool = False
    """Keep results in the run's folder that other code of the same model made: its numbers have not changed."""
    rerun: tuple[str, ...] = ()
    """Models whose results are made again, whatever of them is in the run's folder."""
    out: str | None = None
    weights: dict[str, str] = {}
    set: dict[str, bool | int | float | str | dict[str, bool | int | float | str]] = {}
    """Options of models, by KEY for all that have it, or by MODEL.KEY (in a suite also a table a model)."""
    lpips_net: Literal["alex", "vgg", "squeeze"] = "alex"
    metrics: tuple[str, ...] = ()
    """Measured beside the default set: keys of `safebench.metrics.catalogue`, or `all`."""
    strict: bool = False
    adapt: tuple[int, ...] = ()
    """So many pictures of each inpainter the detectors that have a recipe learn from, once for each number: they take
    part as they are and as they are then, on photos that they did not learn from."""
    adapt_options: AdaptOptions = AdaptOptions()

    def check(self, said: Said) -> None:
        """Raise ConfigError where a value cannot be; `said` tells how an option was written."""
        for name in self.__struct_fields__:  # an unset variable of a shell's; a path would be the current folder
            value = getattr(self, name)
            if value == "":
                raise ConfigError(f"{said(name, '').strip()}: is empty; say what it is (. is the current folder)")
            if isinstance(value, tuple) and "" in value:
                raise ConfigError(f"{said(name, value)}: one of its names is empty; leave it out")
        parse_bins(self.bins)
        self._check_sources(said)
        self._check_conditions(said)
        self._check_adapt(said)
        for name in ("limit", "batch_size", "workers"):
            value = getattr(self, name)
            if isinstance(value, int) and value < 1:
                raise ConfigError(f"{said(name, value)}: has to be at least 1")
        belongs = {"ray_address": ("ray",), "slurm": ("slurm",), "storage": ("ray", "slurm")}
        for name, engines in belongs.items():
            if getattr(self, name) and self.engine not in engines:
                wanted = " and ".join(as_flag("engine", engine) for engine in engines)
                raise ConfigError(f"{as_flag(name, '').strip()} belongs to {wanted}")
        if isinstance(self.size, int) and not 32 <= self.size <= 4096:
            raise ConfigError(f"{said('size', self.size)}: has to lie between 32 and 4096 pixels")
        if self.tile is not None:
            self._check_tile(self.tile, said)
        if self.mask_threshold is not None:
            check_mask_threshold(self.mask_threshold)
        if not 0 <= self.seed < 2**63:  # what all random generators take
            bound = "0 or more" if self.seed < 0 else "less than 2^63"
            raise ConfigError(f"{said('seed', self.seed)}: has to be {bound}")
        if self.metrics:
            from safebench.metrics.catalogue import chosen  # slow to import, so last

            chosen(self.metrics)

    def _check_sources(self, said: Said) -> None:
        """Raise ConfigError where nothing makes pictures, or options mean nothing where forged ones are given."""
        if self.pictures is None:
            if self.mask_hole != "white":
                raise ConfigError(f"{said('mask_hole', self.mask_hole)}: belongs to --pictures")
            if not self.inpainters:
                raise ConfigError("no inpainter is named: use --inpainter NAME (safebench list inpainters shows them)")
            return
        if self.inpainters:
            raise ConfigError(
                f"{said('pictures', self.pictures)}: no inpainter runs on pictures that are forged already"
            )
        if not self.detectors:
            raise ConfigError("no detector is named: use --detector NAME (safebench list detectors shows them)")
        usual = {field.name: field.default for field in msgspec.structs.fields(self)}
        for name in ("images", "masks", "bins", "assembly"):
            if getattr(self, name) != usual[name]:
                raise ConfigError(
                    f"{said(name, getattr(self, name))}: means nothing beside --pictures, which have their own masks"
                )
        if self.size != NATIVE:
            raise ConfigError(
                f"{said('size', self.size)}: pictures that are given keep their own size; --postprocess resize:... "
                "shows what another size does"
            )

    def _check_tile(self, tile: int, said: Said) -> None:
        if self.size != NATIVE:
            raise ConfigError(f"{said('tile', tile)}: belongs to {as_flag('size', NATIVE)}, and to --pictures")
        check_tile(tile)

    def _check_adapt(self, said: Said) -> None:
        if self.adapt_options != AdaptOptions() and not self.adapt:
            raise ConfigError(f"{said('adapt_options', '')}: belongs to adapt, the numbers of pictures")
        if not self.adapt:
            return
        if self.pictures is not None:
            raise ConfigError(f"{said('adapt', self.adapt)}: detectors learn from inpainters, not from --pictures")
        if not isinstance(self.size, int):
            raise ConfigError(f"{said('adapt', self.adapt)}: needs pictures of one size; name it by --size")
        for name, value in (("steps", self.adapt_options.steps), ("held_out", self.adapt_options.held_out)):
            if value is not None and value < 1:
                raise ConfigError(f"{said(name, value)}: has to be at least 1")
        if len(set(self.adapt)) < len(self.adapt) or min(self.adapt) < 1:
            raise ConfigError(f"{said('adapt', self.adapt)}: has to be whole numbers of 1 or more, each once")

    def _check_conditions(self, said: Said) -> None:
        for name in ("postprocess", "assembly"):
            if not getattr(self, name):
                raise ConfigError(f"{said(name, getattr(self, name))}: names nothing; leave it out for the usual one")
        for name in self.assembly:
            if name not in (SPLICED, REGENERATED):
                raise ConfigError(f"{said('assembly', name)}: has to be {SPLICED}, {REGENERATED}, or both")


def make_config(options: Mapping[str, Any], suite: Path | None = None, said: Said = as_flag) -> RunConfig:
    """A config from a suite file (TOML, the same names) with `options` laid over it.

    said: how `options` were written, for the sentence that is told where one cannot be.
    Raises ConfigError where the file cannot be read, a name is unknown, or a value cannot be.
    """
    stored = read_options(suite) if suite else {}
    in_suite = in_file(suite) if suite else said

    def written(name: str, value: Any) -> str:
        return said(name, value) if name in options or name not in stored else in_suite(name, value)

    given = {"inpainters": (), **stored, **options}
    if given.get("pictures") is not None:
        given.setdefault("size", NATIVE)
    config = convert(given, RunConfig, written)
    config.check(written)
    return config
