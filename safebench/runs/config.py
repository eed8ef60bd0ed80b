"""What a run is asked to do: the options of `safebench run`, from flags and a suite file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec

from safebench.errors import ConfigError
from safebench.protocol import SIZE, parse_bins


class RunConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that decides a run; the fields are the long options of `safebench run` and a suite's keys."""

    inpainters: tuple[str, ...]
    detectors: tuple[str, ...] = ()
    images: str = "sample"
    masks: str = "irregular"
    bins: str = "10-20,30-40,50-60"
    limit: int | None = None
    """Photos, not samples: each meets one mask of every bin."""
    seed: int = 0
    size: int = SIZE
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
    keep_maps: bool = False
    out: str | None = None
    weights: dict[str, str] = {}
    lpips_net: Literal["alex", "vgg", "squeeze"] = "alex"
    strict: bool = False

    def checked(self) -> RunConfig:
        """Itself, where its values can be; raises ConfigError otherwise."""
        parse_bins(self.bins)
        if not self.inpainters:
            raise ConfigError("no inpainter is named: use --inpainter NAME (safebench list inpainters shows them)")
        if self.limit is not None and self.limit < 1:
            raise ConfigError(f"--limit {self.limit}: has to be at least 1")
        if self.batch_size != "auto" and self.batch_size < 1:
            raise ConfigError(f"--batch-size {self.batch_size}: has to be at least 1")
        if self.workers is not None and self.workers < 1:
            raise ConfigError(f"--workers {self.workers}: has to be at least 1")
        if self.engine != "ray" and self.ray_address is not None:
            raise ConfigError("--ray-address belongs to --engine ray")
        if self.engine != "slurm" and self.slurm:
            raise ConfigError("--slurm belongs to --engine slurm")
        if self.engine == "local" and self.storage is not None:
            raise ConfigError("--storage belongs to --engine ray and --engine slurm")
        if not 32 <= self.size <= 4096:
            raise ConfigError(f"--size {self.size}: has to lie between 32 and 4096 pixels")
        if self.seed < 0:
            raise ConfigError(f"--seed {self.seed}: has to be 0 or more")
        return self


def make_config(options: dict[str, Any], suite: Path | None = None) -> RunConfig:
    """A config from a suite file (TOML, the same names) with `options` laid over it.

    Raises ConfigError where the file cannot be read, a name is unknown, or a value cannot be.
    """
    merged = {**(_read_suite(suite) if suite else {}), **options}
    merged.setdefault("inpainters", ())
    try:
        return msgspec.convert(merged, RunConfig).checked()
    except msgspec.ValidationError as error:
        raise ConfigError(f"{suite if suite else 'options'}: {error}") from None


def _read_suite(path: Path) -> dict[str, Any]:
    try:
        suite: dict[str, Any] = msgspec.toml.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"suite {path}: cannot be read ({error})") from None
    return suite
