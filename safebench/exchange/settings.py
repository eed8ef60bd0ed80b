"""What a user says of an exchange: exchange.toml in a folder of maps, and the file of a command (docs/exchange.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from safebench.errors import ConfigError
from safebench.files import expanded, read_text

SETTINGS: Final = "exchange.toml"
PLACEHOLDER: Final = re.compile(r"\{([a-z]+)\}")
"""A word in braces in an argument; JSON in braces is none."""
PLACEHOLDERS: Final = ("input", "output", "weights", "device", "seed")
_CONTAINERS = frozenset({"docker", "podman", "nerdctl", "apptainer", "singularity"})
_ENVIRONMENTS = frozenset({"conda", "mamba", "micromamba", "pixi", "uv", "poetry", "pipenv", "hatch", "pdm"})
"""Programs whose `run` starts another in an environment that is known by a name or a folder."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class MapSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How maps are to be read."""

    range: tuple[float, float] | None = None
    """What surely known and surely inpainted are in the files; left out: 0 and 1, or 0 and the highest whole number."""
    inverted: bool = False
    """Whether bright means known."""
    scores: str = "scores.csv"
    """The file of scores, where there is one: CSV, or a JSON object of names and numbers."""

    def __post_init__(self) -> None:
        if self.range is not None and self.range[0] == self.range[1]:
            raise ValueError("known and inpainted have to differ in the range")


class CommandFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A command that takes a folder and leaves a folder."""

    command: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)]
    """The program and its arguments, started without a shell in the folder of the file."""
    weights: str = ""
    """What {weights} stands for: a file or folder, whose bytes are part of the model's identity."""
    depends: tuple[str, ...] = ()
    """Further files and folders that the answers depend on: modules that a script imports, settings."""
    environment: str = ""
    """What fixes the environment: a lock file, or the digest of an image (sha256:...)."""
    devices: dict[str, str] = {}
    """What {device} is, where the command says it otherwise: cpu = "-1", cuda = "0"."""
    seconds: Annotated[float, Meta(gt=0)] = 3600
    """How long one shard may take."""
    shard: Annotated[int, Meta(ge=1)] = 64
    """Pictures a call."""
    answers: str = ""
    """The folder below {output} that the answers lie in."""

    def __post_init__(self) -> None:
        words = [word for argument in self.command for word in PLACEHOLDER.findall(argument)]
        for word in words:
            if word not in PLACEHOLDERS:
                raise ValueError(f"{{{word}}} stands for nothing; there are {', '.join(PLACEHOLDERS)} in braces")
        for word in ("input", "output"):
            if word not in words:
                raise ValueError(f"the command has to be told where the folder {{{word}}} is")
        if "weights" in words and not self.weights:
            raise ValueError('{weights} is asked for: say weights = "FILE"')
        if not self.environment and (why := _may_change(self.command)):
            raise ValueError(why)
        if self.environment.startswith("sha256:") and not _DIGEST.fullmatch(self.environment):
            raise ValueError("the environment's sha256: has to be followed by its 64 digits")

    @property
    def remark(self) -> str:
        """What the user should know of it before anything is run; "" for nothing."""
        if self.environment or any(map(_is_image, self.command)):
            return ""
        return (
            "nothing fixes the environment of this command, so its results are kept where packages there change; say "
            'environment = "FILE", a lock file (pip freeze > requirements.lock), in its file'
        )

    def filled_in(self, values: Mapping[str, str]) -> list[str]:
        """The arguments with `values` in place of the words in braces."""
        return [PLACEHOLDER.sub(lambda found: values[found[1]], argument) for argument in self.command]

    def files(self, folder: Path) -> Iterator[tuple[str, Path]]:
        """What the command depends on besides its own text, each as it is written: files that its arguments name,
        weights, what it says of itself; `folder` is where relative ones begin."""
        for argument in self.command:
            for text in (argument, argument.partition("=")[2]):
                if text and not PLACEHOLDER.search(text) and _is_file(folder / text):
                    yield text, folder / text
        lock = "" if self.environment.startswith("sha256:") else self.environment
        for text in (self.weights, lock, *self.depends):
            if text:
                yield text, folder / expanded(text)


class InpainterCommand(CommandFile, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A command that fills holes."""

    hole: Literal["white", "black"] = "white"
    """The colour of holes in the masks that it is given."""


class DetectorCommand(CommandFile, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A command that makes maps."""

    maps: MapSettings = MapSettings()
    """How they are to be read."""


_COMMANDS: Final[Mapping[str, type[CommandFile]]] = {"inpainters": InpainterCommand, "detectors": DetectorCommand}


def read_command(file: Path, kind: str) -> Any:
    """The command in a file, for a model of `kind` (`inpainters`, `detectors`).

    Raises ConfigError, naming the file, where it cannot be read or says what cannot be.
    """
    return _read(file, _COMMANDS[kind])


def read_map_settings(folder: Path) -> MapSettings:
    """What exchange.toml in a folder of maps says; the usual where there is none.  Raises ConfigError."""
    file = folder / SETTINGS
    settings: MapSettings = _read(file, MapSettings) if file.is_file() else MapSettings()
    return settings


def _read(file: Path, kind: type[msgspec.Struct]) -> Any:
    try:
        return msgspec.toml.decode(read_text(file), type=kind)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{file}: {error}; docs/exchange.md tells what it may hold") from None


def _may_change(command: Sequence[str]) -> str:
    """Why the same command may come to run in another environment, and what to say; "" where it may not."""
    words = list(command)
    while words and (Path(words[0]).name == "env" or re.match(r"\w+=", words[0])):
        words.pop(0)
    program = Path(words[0]).name if words else ""
    if program in _CONTAINERS and not any(map(_is_image, words)):
        return (
            f"a tag of {program}'s may come to mean another image: name it as IMAGE@sha256:..., or say "
            'environment = "sha256:..."'
        )
    if program in _ENVIRONMENTS and "run" in words:
        how = f" ({program} list --explicit --md5 > conda.lock)" if program in ("conda", "mamba") else ""
        return (
            f'an environment of {program}\'s may come to hold other packages: say environment = "FILE", its lock file'
            f"{how}"
        )
    return ""


def _is_image(argument: str) -> bool:
    """Whether an argument names an image that stays what it is: by its digest, or as a file, which is hashed."""
    return bool(_DIGEST.search(argument)) or argument.endswith(".sif")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # an argument that is no path at all
        return False
