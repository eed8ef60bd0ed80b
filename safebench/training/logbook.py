"""What a training leaves to look at: log.jsonl, TensorBoard's events, preview grids."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from safebench.files import atomic_write
from safebench.inputs.images import save_png
from safebench.inputs.own import NOTE

LOG = "log.jsonl"
_LABEL = 16
_TENSORBOARD_EVERY = 10


class Logbook:
    """Writes a training's folder; lines of steps after `first` are forgotten: they are about to be made again."""

    def __init__(self, folder: Path, first: int) -> None:
        from torch.utils.tensorboard import SummaryWriter  # slow to import

        self._folder = folder
        path = folder / LOG
        if not first:
            path.unlink(missing_ok=True)
        elif path.exists():
            atomic_write(path, b"".join(line for line in path.read_bytes().splitlines(True) if _is_before(line, first)))
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=first + 1)

    def step(self, step: int, figures: Mapping[str, float]) -> None:
        """The losses of one step."""
        self._line({"step": step, **figures})
        if step % _TENSORBOARD_EVERY == 0:
            self._scalars("train", step, figures)

    def validation(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of a validation."""
        self._line({"step": step, "validation": dict(figures)})
        self._scalars("validation", step, figures)

    def preview(self, step: int, columns: Mapping[str, Tensor]) -> None:
        """A grid of pictures: a column for each name (float32 B x 3 x H x W in [0, 1]), a row for each image."""
        grid = preview_grid(columns)
        save_png(self._folder / "previews" / f"{step:08d}.png", grid, {NOTE: f"preview of a training, step {step}"})
        self._board.add_image("preview", grid, step, dataformats="HWC")

    def close(self) -> None:
        """Write what waits."""
        self._board.close()
        self._file.close()

    def _line(self, entry: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(entry) + "\n")

    def _scalars(self, group: str, step: int, figures: Mapping[str, float]) -> None:
        for name, value in figures.items():
            self._board.add_scalar(f"{group}/{name}", value, step)


def preview_grid(columns: Mapping[str, Tensor]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Pictures side by side under their names: uint8 H x W x 3."""
    pictures = {
        name: (batch.float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        for name, batch in columns.items()
    }
    body = np.concatenate([np.concatenate(list(batch)) for batch in pictures.values()], axis=1)
    header = Image.new("RGB", (body.shape[1], _LABEL), "white")
    width = body.shape[1] // len(pictures)
    for k, name in enumerate(pictures):
        ImageDraw.Draw(header).text((k * width + 4, 2), name, "black")
    return np.concatenate([np.asarray(header), body])


def _is_before(line: bytes, first: int) -> bool:
    """Whether a line is whole, and of a step that was done before `first`."""
    try:
        return bool(json.loads(line)["step"] <= first)
    except (ValueError, KeyError, TypeError):
        return False
