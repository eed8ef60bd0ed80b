"""Loading a model by its name, and calling it so that it cannot break its contract unseen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from safebench.errors import ModelError
from safebench.exchange.outgoing import content_name
from safebench.inputs.images import save_png
from safebench.inputs.names import IMAGE_SUFFIXES
from safebench.models.contracts import Detection, Detector, Inpainter, PostProcessing
from safebench.models.door import check_size, guarded
from safebench.models.masked_image import MaskedImage
from safebench.models.options import NONE, Given
from safebench.models.specs import Precision, participant, sole_participant

Photos = NDArray[np.uint8]
"""B x H x W x 3, RGB."""
Holes = NDArray[np.bool_]
"""B x H x W, True = hole."""
Map = NDArray[np.float32]
"""H x W in [0, 1]."""


def load_inpainter(
    name: str, *, weights: str | Path | None = None, device: str = "auto", seed: int = 0, options: Given = NONE
) -> Inpainter:
    """The inpainter `NAME` or `NAME:VARIANT`, loaded and ready: `.inpaint(images, masks)`, see `contracts.Inpainter`.

    Called so, it blanks the hole in the images, as a run does, and raises InputError for images or masks that are of
    another range, shape or type than it takes, or lie on another device.  options: as of `--set`, by key.
    Raises UnknownNameError, PluginError, or WeightsError where its checkpoint is missing or does not fit.
    """
    named = None if weights is None else Path(weights)
    return guarded(sole_participant("inpainters", name, named, seed, given=options).load_inpainter(device))


def load_detector(name: str, *, weights: str | Path | None = None, device: str = "auto", seed: int = 0) -> Detector:
    """The detector `NAME` or `NAME:VARIANT`, loaded and ready: `.detect(images)`, see `contracts.Detector`.

    Errors as for `load_inpainter`.
    """
    named = None if weights is None else Path(weights)
    return guarded(participant("detectors", name, named, seed).load_detector(device))


def inpaint(
    inpainter: Inpainter,
    photos: Photos,
    holes: Holes,
    precision: Precision = "fp32",
    names: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
) -> NDArray[np.float32]:
    """Call an inpainter: blanks the holes, hands over the batch, checks what comes back.

    precision: bf16 runs its networks through torch.autocast, where that has faster kernels.
    names: the pictures' names in an exchange of files, for a model that works elsewhere.
    texts: what a model that takes texts is told to paint into each; without, its option `prompt` says it.

    Returns the model's whole output before compositing, float32 B x H x W x 3 in [0, 1].
    Raises ModelError where the size is not one the model takes, or its answer breaks the contract.
    """
    check_size(inpainter.card, photos.shape[1:3])
    shown = inpainter.sees_hole or not inpainter.card.input.blank_hole
    seen = photos if shown else np.where(holes[..., None], np.uint8(0), photos)
    masks = torch.from_numpy(holes.astype(np.float32))[:, None].to(inpainter.device)
    with torch.inference_mode(), _autocast(inpainter.device, precision):
        images = _to_tensor(seen, inpainter.device)
        if inpainter.card.input.named:
            names = names or [content_name(*pair) for pair in zip(photos, holes, strict=True)]
            answer = inpainter.inpaint_named(images, masks, names)
        elif inpainter.card.input.text and texts is not None:
            answer = inpainter.inpaint_by_text(images, masks, texts)
        else:
            answer = inpainter.inpaint(images, masks)
    answer = _widened(answer, precision)
    batch, height, width = holes.shape
    _check_answer(inpainter.card.name, answer, (batch, 3, height, width))
    raw: NDArray[np.float32] = answer.permute(0, 2, 3, 1).cpu().numpy()
    return np.ascontiguousarray(raw)


def composite(photos: Photos, holes: Holes, raw: NDArray[np.float32]) -> Photos:
    """Known pixels bit-identical to the photo, hole pixels the inpainter's, rounded to 8 bit."""
    filled = np.rint(raw.astype(np.float64) * 255).astype(np.uint8)
    return np.where(holes[..., None], filled, photos)


@dataclass(frozen=True)
class Findings:
    """A detector's checked answer: maps B x H x W and scores B in [0, 1]; confidence where it has one."""

    maps: NDArray[np.float32]
    scores: NDArray[np.float64]
    confidence: NDArray[np.float32] | None = None


_ADVICE = "crop or resize the image, or let it look at larger ones in tiles (--tile N)"


def detect(
    detector: Detector,
    images: Photos,
    paths: list[Path] | None = None,
    precision: Precision = "fp32",
    names: Sequence[str] | None = None,
) -> Findings:
    """Call a detector on 8-bit images and check its answer.

    paths: their files, for a detector that reads files; None: they are written as PNG for it.
    precision, names: as for `inpaint`.

    The score of a model without an image-level head is the mean of the map's top 1% (docs/protocol.md, 5).
    Raises ModelError where the size is not one the model takes, or its answer breaks the contract.
    """
    card = detector.card
    check_size(card, images.shape[1:3], _ADVICE if card.input.reads == "pixels" else "crop or resize the image")
    if card.input.reads == "files" and paths is None:
        with TemporaryDirectory() as folder:
            files = [_on_disk(Path(folder, f"{k}.png"), image) for k, image in enumerate(images)]
            return detect(detector, images, files, precision, names)
    with torch.inference_mode(), _autocast(detector.device, precision):
        if card.input.named:
            detection = detector.detect_named(paths or [], names or [content_name(image) for image in images])
        elif card.input.reads == "files":
            detection = detector.detect_files(paths or [])
        else:
            detection = detector.detect(_to_tensor(images, detector.device))
    parts = (detection.maps, detection.scores, detection.confidence)
    detection = Detection(*(None if part is None else _widened(part, precision) for part in parts))  # type: ignore[arg-type]
    _check_answer(card.name, detection.maps, images.shape[:3])
    if card.score.source != "either" and (detection.scores is None) != (card.score.source == "top1-mean"):
        raise ModelError(f"{card.name}: its card says that its score is '{card.score.source}', its answer differs")
    if detection.confidence is not None:
        _check_answer(card.name, detection.confidence, images.shape[:3])
    maps = detection.maps.cpu().numpy()
    if detection.scores is None:
        scores = np.array([top1_mean(m) for m in maps])
    else:
        _check_answer(card.name, detection.scores, images.shape[:1])
        scores = detection.scores.cpu().numpy().astype(np.float64)
    return Findings(maps, scores, None if detection.confidence is None else detection.confidence.cpu().numpy())


def postprocess(step: PostProcessing, image: MaskedImage) -> MaskedImage:
    """Call a post-processing and check its answer: 8-bit RGB, a mask of its size just where there was one, a file that
    holds these pixels.

    Raises ModelError where the size is not one it takes, or its answer breaks the contract.
    """
    check_size(step.card, image.pixels.shape[:2])
    with torch.inference_mode():
        made = step.apply(image)
    name, pixels, mask = step.card.name, made.pixels, made.mask
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ModelError(f"{name}: its answer is {pixels.dtype} {pixels.shape}, not uint8 of height, width and 3")
    if (mask is None) != (image.mask is None):
        raise ModelError(f"{name}: it made a mask where there was none, or lost the one that there was")
    if mask is not None and (mask.dtype != np.bool_ or mask.shape != pixels.shape[:2]):
        raise ModelError(f"{name}: its mask is {mask.dtype} {mask.shape}, its image has {pixels.shape[:2]}")
    if made.suffix not in IMAGE_SUFFIXES:
        raise ModelError(f"{name}: its file ends in '{made.suffix}', which is no kind of image that is read here")
    return made


def top1_mean(map_: NDArray[np.float32]) -> float:
    """Mean of the highest 1% of a map's values, at least one of them."""
    count = max(1, round(0.01 * map_.size))
    flat = map_.ravel().astype(np.float64)
    return float(np.partition(flat, flat.size - count)[-count:].mean())


def _on_disk(path: Path, image: NDArray[np.uint8]) -> Path:
    save_png(path, image)
    return path


def _autocast(device: torch.device, precision: Precision) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def _widened(answer: Tensor, precision: Precision) -> Tensor:
    """Autocast's answers are in half precision; anybody else's are checked as they are."""
    return answer.float() if precision == "bf16" and answer.dtype == torch.bfloat16 else answer


def _to_tensor(images: Photos, device: torch.device) -> Tensor:
    batch = torch.from_numpy(np.require(images, requirements=["C", "W"])).to(device)  # a decoded file may be read-only
    return batch.permute(0, 3, 1, 2).to(torch.float32).div(255).contiguous()


def _check_answer(name: str, answer: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(answer.shape) != tuple(shape):
        raise ModelError(f"{name}: its answer has the shape {tuple(answer.shape)}, not {tuple(shape)}")
    if answer.dtype != torch.float32:
        raise ModelError(f"{name}: its answer is {answer.dtype}, not float32")
    if not bool(torch.isfinite(answer).all()):
        raise ModelError(f"{name}: its answer holds NaN or infinite values")
    low, high = float(answer.min()), float(answer.max())
    if low < 0 or high > 1:
        raise ModelError(f"{name}: its answer leaves [0, 1]: it runs from {low:.6g} to {high:.6g}")
