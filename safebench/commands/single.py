"""One image: `safebench inpaint` and `safebench detect`."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safebench.errors import ConfigError, ImageError
from safebench.files import atomic_write, check_target, file_errors
from safebench.inputs.images import check_photo, overlay, read_mask, read_photo, read_profile, save_png
from safebench.inputs.own import NOTE
from safebench.models import calling, tiling
from safebench.models.options import NONE, Given
from safebench.models.specs import ModelSpec, named_file, participant, sole_participant
from safebench.protocol import THRESHOLD, check_mask_threshold, check_tile
from safebench.route.inpaint_worker import provenance


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
    sees_hole: bool = False,
    mask_threshold: int | None = None,
    options: Given = NONE,
) -> None:
    """Fill the hole (white in `mask`) of one photo and write the composite as PNG, with the photo's ICC profile.

    weights: the checkpoint, as PATH or NAME=PATH.
    raw: also write the model's whole output before compositing, float32 H x W x 3 in [0, 1]: what the authors' script
    gives, so a model whose authors look under the hole (its card says so) does that here, with a warning.
    mask_threshold: the level (1 to 255) from which on a pixel of the mask is hole, where it is not black and white.
    options: the model's, as of `--set`.
    sees_hole: let the model look under the hole in any case; the composite says so, whenever it was done.
    Raises ImageError where a file cannot be read, photo and mask differ in size or the mask is empty; ModelError
    where the model does not take the size.
    """
    _check_targets(out, raw, image, mask)
    if mask_threshold is not None:
        check_mask_threshold(mask_threshold)
    photo, hole = read_pair(image, mask, mask_threshold)
    spec = sole_participant("inpainters", name, checkpoint_of("inpainters", name, weights), seed, given=options)
    inpainter = spec.load_inpainter(device)
    if raw is not None and spec.entry.card.input.authors_see_hole and not sees_hole:
        sees_hole = True
        warnings.warn(
            f"{spec.label} was shown what the hole hides, since --raw gives its authors' answer; without --raw, as in "
            "a run, it is not",
            stacklevel=2,
        )
    inpainter.sees_hole = sees_hole
    filled = calling.inpaint(inpainter, photo[None], hole[None], texts=[spec.text(image.name)])
    texts = provenance(spec) | ({"Hole": "was shown to the inpainter"} if sees_hole else {})
    profile = read_profile(image)
    with file_errors(out):
        save_png(out, calling.composite(photo[None], hole[None], filled)[0], texts, profile)
        if raw is not None:
            _save_npy(raw, filled[0])


def read_pair(image: Path, mask: Path, threshold: int | None = None) -> tuple[calling.Photos, calling.Holes]:
    """A photo (uint8 H x W x 3) and its hole (bool H x W), of one size; raises ImageError where that cannot be."""
    photo, hole = check_photo(image, read_photo(image)), read_mask(mask, threshold=threshold)
    if photo.shape[:2] != hole.shape:
        raise ImageError(
            f"{mask}: the mask has {_size(hole)} pixels, the photo {image} has {_size(photo)}; they have to be the same"
        )
    if not hole.any():
        raise ImageError(f"{mask}: it has no hole, so there is nothing to fill; a mask is white where the hole is")
    if hole.all():
        warnings.warn(f"{mask}: all of it is hole, so nothing of the photo is left to fill it from", stacklevel=2)
    return photo, hole


def detect_file(
    name: str,
    image: Path,
    out: Path,
    *,
    weights: Path | None = None,
    raw: Path | None = None,
    seed: int = 0,
    device: str = "auto",
    tile: int | None = None,
) -> dict[str, Any]:
    """Look for inpainting in one image; write the map as 16-bit gray PNG, and NAME.overlay.png beside it.

    The overlay is the photo, red as the map says, with what reaches the threshold outlined; a detector that says how
    sure it is gives NAME.confidence.png too.  weights: the checkpoint, as PATH or NAME=PATH.
    raw: also write the map as float32 H x W in [0, 1].  tile: the side of the square tiles in which a larger image is
    looked at (`safebench.models.tiling`).
    Returns score, flagged, the file names, and whose the weights are (`published`, `shipped`, `user`; None without
    any); raises ImageError or ModelError as `inpaint_file` does.
    """
    _check_targets(out, raw, image)
    photo = read_photo(image)
    spec = detector_in_tiles(name, weights, seed, tile)
    detector = spec.load_detector(device)
    findings = tiling.detect(detector, photo[None], spec.tile, [image])
    note = {NOTE: f"what {spec.label} found"}
    over = out.with_suffix(_BESIDE[0])
    sure = None if findings.confidence is None else out.with_suffix(_BESIDE[1])
    with file_errors(out):
        save_png(out, gray(findings.maps[0]), note)
        save_png(over, overlay(photo, findings.maps[0], THRESHOLD), note)
        if sure is not None and findings.confidence is not None:
            save_png(sure, gray(findings.confidence[0]), note)
        if raw is not None:
            _save_npy(raw, findings.maps[0])
    score = float(findings.scores[0])
    return {
        "detector": detector.card.name,
        "image": str(image),
        "score": score,
        "flagged": score >= THRESHOLD,
        "map": str(out),
        "overlay": str(over),
        "confidence": str(sure) if sure else None,
        "raw": str(raw) if raw else None,
        "weights_origin": spec.checkpoint.origin if spec.checkpoint else None,
    }


def detector_in_tiles(name: str, weights: Path | None, seed: int, tile: int | None) -> ModelSpec:
    """The detector of that name, that looks at larger images in tiles of `tile` pixels (None: at all of them whole).

    Raises ConfigError where it cannot, and what `participant` raises.
    """
    if tile is not None:
        check_tile(tile)
    spec = participant("detectors", name, checkpoint_of("detectors", name, weights), seed)
    if tile and (why := spec.entry.card.input.untiled(tile)):
        raise ConfigError(f"--tile {tile}: {spec.label} {why}; leave it out")
    return replace(spec, tile=tile or 0)


_BESIDE = (".overlay.png", ".confidence.png")
"""What `detect` writes beside the map."""


def _check_targets(out: Path, raw: Path | None, *inputs: Path) -> None:
    """Raise a SafebenchError where nothing could be written there, or over an input, before a model is loaded."""
    if out.suffix.lower() != ".png":
        raise ConfigError(f"--out {out}: has to end in .png, since the evidence is stored without loss")
    check_target(out)
    if raw is not None:
        check_target(raw, "--raw")
    beside = [out.with_suffix(suffix) for suffix in _BESIDE]
    for option, target in (("--out", out), *(("--out", each) for each in beside), ("--raw", raw)):
        for given in inputs:
            if target and target.exists() and given.exists() and target.samefile(given):
                raise ConfigError(f"{option} {target}: is the file that is read, and would be lost; name another one")
    if raw is not None and raw.resolve() == out.resolve():
        raise ConfigError(f"--raw {raw}: is what --out names too; name another file")


def checkpoint_of(kind: str, name: str, given: Path | None) -> Path | None:
    """`--weights PATH`, or NAME=PATH as `safebench run` takes it.

    Raises ConfigError where NAME is not the model's.
    """
    base, equals, file = str(given or "").partition("=")
    if given is None or not equals or given.exists():
        return given
    named = named_file(kind, name, {base: file})
    if named is None:
        raise ConfigError(
            f"--weights {given}: '{base}' is not {name}, whose weights it could name; there is no such file"
        )
    return named


def gray(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """A map in [0, 1] as levels of 16 bits."""
    return np.rint(values.astype(np.float64) * 65535).astype(np.uint16)


def _save_npy(path: Path, values: NDArray[np.float32]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    atomic_write(path, buffer.getvalue())


def _size(pixels: NDArray[Any]) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
