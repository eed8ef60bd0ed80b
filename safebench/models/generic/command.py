"""Models that are a command in an environment of its own: `command:FILE.toml` (docs/exchange.md).

A shard of pictures goes out into a folder, the command runs once, and what it leaves is read.  What came of each
picture is remembered until the next shard: the engine, which asks for pictures one by one where a batch failed, then
learns which of them failed, and the command is not run again.
"""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor

from safebench.errors import ExchangeError, SafebenchError, WeightsError
from safebench.exchange.finding import find_answers
from safebench.exchange.incoming import MapAnswer
from safebench.exchange.outgoing import Outgoing, content_name, write_manifest, write_picture
from safebench.exchange.settings import CommandFile, DetectorCommand, InpainterCommand, read_command
from safebench.inputs.images import read_photo
from safebench.models.contracts import Detection, Detector, Inpainter, Model
from safebench.models.generic import elsewhere
from safebench.models.generic.processes import run_command

C = TypeVar("C", bound=CommandFile)
A = TypeVar("A", Tensor, MapAnswer)


class _Command(Model, Generic[C, A]):
    """A command, and what its last shard gave."""

    kind: str

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; `weights` is the command's file.  Raises ConfigError for one that cannot be."""
        if weights is None:
            raise WeightsError("command: say which command, as command:FILE.toml")
        self.device = device
        self.file = weights
        self.said: C = read_command(weights, self.kind)
        self._last: dict[str, A | SafebenchError] = {}

    @abstractmethod
    def _read(self, output: Path) -> Callable[[Outgoing], A]:
        """How the answer to a picture is read in the folder that the command left."""

    def _answers(self, shard: Sequence[Outgoing]) -> list[A]:
        """The answer to each picture; raises the error of the first that has none."""
        keys = [picture.key for picture in shard]
        if not all(key in self._last for key in keys):
            self._last = dict(zip(keys, self._run(shard), strict=True))
        answers: list[A] = []
        for key in keys:
            answer = self._last[key]
            if isinstance(answer, SafebenchError):
                raise answer
            answers.append(answer)
        return answers

    def _run(self, shard: Sequence[Outgoing]) -> list[A | SafebenchError]:
        with tempfile.TemporaryDirectory(prefix="safebench-") as place:
            folder, output = Path(place, "input"), Path(place, "output")
            output.mkdir()
            rows = [write_picture(folder, picture, getattr(self.said, "hole", "white")) for picture in shard]
            write_manifest(folder, self.kind, rows)
            try:
                run_command(self._arguments(folder, output), self.file.parent, self.said.seconds, self._log(shard))
                read = self._read(output / self.said.answers)
            except SafebenchError as error:
                return [_without(place, error)] * len(shard)
            return [_attempt(read, picture, place) for picture in shard]

    def _arguments(self, folder: Path, output: Path) -> list[str]:
        weights = self.file.parent / Path(self.said.weights).expanduser() if self.said.weights else Path()
        devices = self.said.devices
        device = str(self.device)
        values = {
            "input": str(folder),
            "output": str(output),
            "weights": str(weights),
            "device": devices.get(device, devices.get(self.device.type, device)),
            "seed": str(self.seed),
        }
        return self.said.filled_in(values)

    def _log(self, shard: Sequence[Outgoing]) -> Path:
        """What the command says is kept beside its file, under the name of the shard's first picture."""
        return self.file.with_suffix(".logs") / f"{self.kind}-{shard[0].name}.log"


def _attempt(read: Callable[[Outgoing], A], picture: Outgoing, place: str) -> A | SafebenchError:
    try:
        return read(picture)
    except SafebenchError as error:
        return _without(place, error)
    except (OSError, ValueError, MemoryError) as error:  # whatever a decoder says of rubbish
        return _without(place, ExchangeError(f"{picture.name}: its answer cannot be read ({error})"))


def _without(place: str, error: SafebenchError) -> SafebenchError:
    """The error without the folder's name, which is another for each call and gone after it."""
    return ExchangeError(str(error).replace(f"{place}/", ""))


class CommandInpainter(_Command[InpainterCommand, Tensor], Inpainter):
    """A command that fills holes."""

    kind = "inpainters"

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`; raises ExchangeError where the command fails."""
        self._last = {}
        return self.inpaint_named(images, masks, elsewhere.content_names(images, masks))

    def inpaint_named(self, images: Tensor, masks: Tensor, names: Sequence[str]) -> Tensor:
        """See `Inpainter.inpaint_named`; raises ExchangeError where the command fails."""
        return torch.cat(self._answers(elsewhere.outgoing(images, masks, names))).to(self.device)

    def _read(self, output: Path) -> Callable[[Outgoing], Tensor]:
        files = find_answers(output)
        return lambda picture: elsewhere.filled(files, picture)


class CommandDetector(_Command[DetectorCommand, MapAnswer], Detector):
    """A command that makes maps."""

    kind = "detectors"

    def detect(self, images: Tensor) -> Detection:
        """Refused: it is handed files."""
        del images
        raise ExchangeError("command: looks at files; call `detect_files`")

    def detect_files(self, paths: Sequence[Path]) -> Detection:
        """See `Detector.detect_files`; raises ExchangeError where the command fails."""
        self._last = {}
        return self.detect_named(paths, [content_name(read_photo(path)) for path in paths])

    def detect_named(self, paths: Sequence[Path], names: Sequence[str]) -> Detection:
        """See `Detector.detect_named`; raises ExchangeError where the command fails."""
        pairs = zip(paths, names, strict=True)
        shard = [Outgoing(name, file=path.read_bytes(), suffix=path.suffix) for path, name in pairs]
        return elsewhere.maps(self._answers(shard), self.device)

    def _read(self, output: Path) -> Callable[[Outgoing], MapAnswer]:
        files, reader = find_answers(output), elsewhere.map_reader(self.said.maps, output)

        def read(picture: Outgoing) -> MapAnswer:
            return reader(elsewhere.answer_of(files, picture.name), picture.name, picture.file)

        return read
