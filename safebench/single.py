"""One image: `safebench inpaint` and `safebench detect`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench import models
from safebench.errors import ImageError
from safebench.files import atomic_write
from safebench.images import read_mask, read_photo, save_png
from safebench.participants import participant
from safebench.protocol import THRESHOLD
from safebench.stages.filling import provenance


def inpaint_file(
    name: str,
    image: Path,
    mask: Path,
    out: Path,
    *,
    weights: Path | None = None,
    raw: Path | None = None,
    seed: int = 0,
    device: str = "auto",
) -> None:
    """Fill the hole (white in `mask`) of one photo and write the composite as PNG.

    raw: also write the model's whole output before compositing, float32 H x W x 3 in [0, 1].
    Raises ImageError where a file cannot be read, or photo and mask differ in size; ModelError where the model does
    not take the size.
    """
    _check_png(out)
    photo, hole = read_photo(image), read_mask(mask)
    if photo.shape[:2] != hole.shape:
        raise ImageError(
            f"{mask}: the mask has {_size(hole)} pixels, the photo {image} has {_size(photo)}; they have to be the same"
        )
    who = participant("inpainters", name, weights, seed)
    filled = models.inpaint(who.load_inpainter(device), photo[None], hole[None])
    save_png(out, models.composite(photo[None], hole[None], filled)[0], provenance(who))
    if raw is not None:
        _save_npy(raw, filled[0])


def detect_file(
    name: str,
    image: Path,
    out: Path,
    *,
    weights: Path | None = None,
    raw: Path | None = None,
    seed: int = 0,
    device: str = "auto",
) -> dict[str, Any]:
    """Look for inpainting in one image and write the map as 16-bit gray PNG.

    raw: also write the map as float32 H x W in [0, 1].
    Returns score, flagged and the file names; raises ImageError or ModelError as `inpaint_file` does.
    """
    _check_png(out)
    photo = read_photo(image)
    detector = participant("detectors", name, weights, seed).load_detector(device)
    found = models.detect(detector, photo[None], [image])
    save_png(out, np.rint(found.maps[0].astype(np.float64) * 65535).astype(np.uint16))
    if raw is not None:
        _save_npy(raw, found.maps[0])
    score = float(found.scores[0])
    return {
        "detector": detector.card.name,
        "image": str(image),
        "score": score,
        "flagged": score >= THRESHOLD,
        "map": str(out),
        "raw": str(raw) if raw else None,
    }


def _check_png(out: Path) -> None:
    if out.suffix.lower() != ".png":
        raise ImageError(f"--out {out}: has to end in .png, since the evidence is stored without loss")


def _save_npy(path: Path, values: NDArray[np.float32]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    atomic_write(path, buffer.getvalue())


def _size(pixels: NDArray[Any]) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
