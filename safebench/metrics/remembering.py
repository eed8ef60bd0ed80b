"""Features of original photos, computed once for all the inpainters whose composites are compared with them."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

Features = list[Tensor]
"""float32, one tensor for each layer."""
_MEMORY = 16 * 2**20
"""Bytes held in memory (6 photos of 256 x 256 pixels with AlexNet), or two photos: a photo's holes come in a row."""
_SHARE = 4
"""The file may take up a quarter of what is free on its disk."""


class Remembered:
    """The latest photos' features in memory; within `kept_in`, those of all photos in a file as well.

    So memory does not grow with the number of photos.  Calls may come from several threads.
    """

    def __init__(self) -> None:
        self._recent: OrderedDict[bytes, Features] = OrderedDict()
        self._places: dict[bytes, tuple[int, list[torch.Size]]] = {}
        self._file: IO[bytes] | None = None
        self._room = 0
        self._lock = threading.Lock()

    @contextmanager
    def kept_in(self, folder: Path) -> Iterator[None]:
        """Keep all features in a file that has no name, so that nothing of it is left, however the process ends."""
        with tempfile.TemporaryFile(dir=folder) as file:
            self._file, self._room = file, shutil.disk_usage(folder).free // _SHARE
            try:
                yield
            finally:
                self._file = None
                self._places.clear()

    def get(self, key: bytes, device: torch.device) -> Features | None:
        """The features stored under `key`, to the last digit; None where there are none."""
        with self._lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
            if self._file is None or key not in self._places:
                return None
            start, shapes = self._places[key]
            self._file.seek(start)
            flat = np.fromfile(self._file, np.float32, sum(shape.numel() for shape in shapes))
        parts = torch.split(torch.from_numpy(flat).to(device), [shape.numel() for shape in shapes])
        features = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        with self._lock:
            self._hold(key, features)
        return features

    def put(self, key: bytes, features: Features) -> None:
        """Store features under `key`."""
        with self._lock:
            self._hold(key, features)
            size = sum(feature.nbytes for feature in features)
            if self._file is None or key in self._places or size > self._room:
                return
            start = self._file.seek(0, 2)
            for feature in features:
                self._file.write(feature.cpu().numpy().tobytes())
            self._file.flush()
            self._places[key] = (start, [feature.shape for feature in features])
            self._room -= size

    def _hold(self, key: bytes, features: Features) -> None:
        self._recent[key] = features
        room = max(2, _MEMORY // max(1, sum(feature.nbytes for feature in features)))
        while len(self._recent) > room:
            self._recent.popitem(last=False)
