"""What files and commands have in common: pictures and maps that come back become a model's answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from safebench.errors import ExchangeError
from safebench.exchange.finding import read_scores
from safebench.exchange.incoming import MapAnswer, read_map, read_picture
from safebench.exchange.outgoing import Outgoing, content_name
from safebench.exchange.settings import MapSettings
from safebench.exchange.turned import SIDEWAYS, orientation
from safebench.inputs.images import read_photo
from safebench.models.contracts import Detection

T = TypeVar("T")


def filled(files: Mapping[str, Path], picture: Outgoing) -> Tensor:
    """The picture that came back for one that went out with a black hole: float32 1 x 3 x H x W in [0, 1].

    Raises ExchangeError or ImageError where there is none, or it is no answer.
    """
    if picture.pixels is None or picture.hole is None:
        raise TypeError("an inpainter's picture has pixels and a hole")
    pixels, _ = read_picture(answer_of(files, picture.name), picture.pixels, picture.hole)
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].to(torch.float32).div(255)


def outgoing(images: Tensor, masks: Tensor, names: Sequence[str]) -> list[Outgoing]:
    """A batch (float32 B x 3 x H x W in [0, 1], masks B x 1 x H x W with 1 = hole) as what goes out."""
    return [Outgoing(name, *pair) for name, pair in zip(names, _arrays(images, masks), strict=True)]


def content_names(images: Tensor, masks: Tensor) -> list[str]:
    """Names for a batch that nobody named."""
    return [content_name(*pair) for pair in _arrays(images, masks)]


def _arrays(images: Tensor, masks: Tensor) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    pixels = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return zip(pixels, (masks[:, 0] > 0.5).cpu().numpy(), strict=True)


def answer_of(files: Mapping[str, T], name: str) -> T:
    """The answer of that name; raises ExchangeError where it is missing."""
    if name not in files:
        raise ExchangeError(f"{name}: no answer of that name has come back yet; run again when it is there")
    return files[name]


def maps(answers: Sequence[MapAnswer], device: torch.device) -> Detection:
    """Maps of one size as `Detector.detect` returns them.

    Raises ExchangeError where some of them have a score, and others none.
    """
    scores = [answer.score for answer in answers if answer.score is not None]
    if scores and len(scores) < len(answers):
        raise ExchangeError("some of these maps came with a score and others without; give all of them one, or none")
    confidence = [answer.confidence for answer in answers if answer.confidence is not None]
    return Detection(
        maps=torch.from_numpy(np.stack([answer.map for answer in answers])).to(device),
        scores=torch.tensor(scores, dtype=torch.float32, device=device) if scores else None,
        confidence=torch.from_numpy(np.stack(confidence)).to(device) if len(confidence) == len(answers) else None,
    )


def map_reader(settings: MapSettings, folder: Path) -> Callable[[Path, str, bytes], MapAnswer]:
    """How the map in a file, of a name and a picture's file, is read in a folder.

    With the score that the folder's table of scores gives it, and turned as the picture is that went out as it lay.
    """
    table = folder / settings.scores
    scores = read_scores(table) if table.is_file() else None

    def read(file: Path, name: str, picture: bytes) -> MapAnswer:
        size, turned = read_photo(Path(name), picture).shape[:2], orientation(picture)
        lying = size[::-1] if turned in SIDEWAYS else size
        answer = read_map(file, lying, settings.range, inverted=settings.inverted).turned(turned)
        if scores is None:
            return answer
        if name not in scores:
            raise ExchangeError(f"{table}: holds no score of {name}")
        return MapAnswer(answer.map, scores[name], answer.confidence)

    return read
