"""Answers that were made elsewhere, in a folder: `files:DIR` (docs/exchange.md)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from safebench.errors import ExchangeError, WeightsError
from safebench.exchange.finding import find_answers
from safebench.exchange.incoming import check_all_scored
from safebench.exchange.outgoing import content_name
from safebench.exchange.settings import read_map_settings
from safebench.inputs.images import read_photo
from safebench.models.contracts import Detection, Detector, Inpainter
from safebench.models.generic import elsewhere


def _listed(folder: Path | None) -> dict[str, Path]:
    if folder is None:
        raise WeightsError("files: say where the answers are, as files:DIR")
    return find_answers(folder)


class FilesInpainter(Inpainter):
    """Pictures by name."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; `weights` is the folder."""
        self.device = device
        self.files = _listed(weights)

    def inpaint(self, images: Tensor, masks: Tensor) -> Tensor:
        """See `Inpainter.inpaint`: pictures that nobody named are looked for by their content's."""
        return self.inpaint_named(images, masks, elsewhere.content_names(images, masks))

    def inpaint_named(self, images: Tensor, masks: Tensor, names: Sequence[str]) -> Tensor:
        """See `Inpainter.inpaint_named`; raises ExchangeError for an answer that is missing or does not fit."""
        pictures = elsewhere.outgoing(images, masks, names)
        return torch.cat([elsewhere.filled(self.files, picture) for picture in pictures]).to(self.device)


class FilesDetector(Detector):
    """Maps by name."""

    def load(self, weights: Path | None, device: torch.device) -> None:
        """See `Model.load`; `weights` is the folder."""
        self.device = device
        self.files = _listed(weights)
        folder = weights or Path()
        settings = read_map_settings(folder)
        self.read = elsewhere.map_reader(settings, folder)
        if not (folder / settings.scores).is_file():
            check_all_scored(self.files)

    def detect(self, images: Tensor) -> Detection:
        """Refused: it is handed files."""
        del images
        raise ExchangeError("files: looks at files; call `detect_files`")

    def detect_files(self, paths: Sequence[Path]) -> Detection:
        """See `Detector.detect_files`: pictures that nobody named are looked for by their content's."""
        return self.detect_named(paths, [content_name(read_photo(path)) for path in paths])

    def detect_named(self, paths: Sequence[Path], names: Sequence[str]) -> Detection:
        """See `Detector.detect_named`; raises ExchangeError for an answer that is missing or does not fit."""
        pairs = zip(paths, names, strict=True)
        answers = [self.read(elsewhere.answer_of(self.files, name), name, path.read_bytes()) for path, name in pairs]
        return elsewhere.maps(answers, self.device)
