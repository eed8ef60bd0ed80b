"""What people hand to a model that they loaded: checked before it is taken, and refused in one sentence.

A model trusts its input, since the engine makes it.  So the check stands before the models that `load_inpainter` and
`load_detector` give, as the method of that one object: a run's own calls are not slowed, an adapter of a third party
needs nothing for it, and the object is still of its own class, which a proxy around it would not be.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from safebench.errors import InputError, ModelError
from safebench.models.cards import Card
from safebench.models.contracts import Detection, Detector, Inpainter, Model

M = TypeVar("M", bound=Model)

_IMAGES = "float32, B x 3 x H x W, RGB in [0, 1]"
_MASKS = "float32, B x 1 x H x W, 1 = hole, 0 = known"


def guarded(model: M) -> M:
    """The same model, which from now on looks at what `inpaint` or `detect` are called with."""
    if isinstance(model, Inpainter):
        model.inpaint = partial(_inpaint, model)  # type: ignore[method-assign]
    elif isinstance(model, Detector) and model.card.input.reads == "files":
        model.detect_files = partial(_detect_files, model)  # type: ignore[method-assign]
    elif isinstance(model, Detector):
        model.detect = partial(_detect, model)  # type: ignore[method-assign]
    return model


def check_size(card: Card, size: tuple[int, ...], advice: str = "crop or resize the image") -> None:
    """Raise ModelError, with `advice`, where the card says that the model takes no pictures of `size`, height and
    width."""
    height, width = size
    if wanted := card.input.unfit(height, width):
        raise ModelError(f"{card.name} takes {wanted}, not {width}x{height}; {advice}")


def _inpaint(model: Inpainter, images: Tensor, masks: Tensor) -> Tensor:
    """`Inpainter.inpaint` for people: what lies under the hole is blanked, as a run does it."""
    _check_images(model, images)
    _check(model, "masks", masks, 1, _MASKS)
    if masks.shape[0] != images.shape[0] or masks.shape[2:] != images.shape[2:]:
        raise _wrong(model, "masks", f"of the shape {_shape(masks)} for images of {_shape(images)}", _MASKS)
    if not bool(((masks == 0) | (masks == 1)).all()):
        raise _wrong(model, "masks", f"with other values than 0 and 1 ({_span(masks)}): threshold them", _MASKS)
    if model.card.input.blank_hole and not model.sees_hole:
        images = torch.where(masks == 1, images.new_zeros(()), images)
    return type(model).inpaint(model, images, masks)


def _detect(model: Detector, images: Tensor) -> Detection:
    """`Detector.detect` for people."""
    _check_images(model, images)
    return type(model).detect(model, images)


def _detect_files(model: Detector, paths: Sequence[str | Path]) -> Detection:
    """`Detector.detect_files` for people."""
    files = [Path(path) for path in paths]
    for file in files:
        if not file.is_file():
            raise InputError(f"{model.card.name} was given {file}, and there is no such file")
    return type(model).detect_files(model, files)


def _check_images(model: Model, images: Tensor) -> None:
    _check(model, "images", images, 3, _IMAGES)
    if float(images.amin()) < 0 or float(images.amax()) > 1:
        hint = ": divide them by 255" if 2 <= float(images.amax()) <= 255 and float(images.amin()) >= 0 else ""
        raise _wrong(model, "images", f"that are not in [0, 1] ({_span(images)}){hint}", _IMAGES)
    check_size(model.card, tuple(images.shape[2:]))


def _check(model: Model, what: str, given: Any, channels: int, wanted: str) -> None:
    """That a batch is a tensor of the right kind and shape, on the model's device, and all numbers."""
    wrong = ""
    if not isinstance(given, Tensor):
        wrong = f"as {type(given).__module__}.{type(given).__name__}, no tensor of torch's"
    elif given.ndim != 4 or given.shape[1] != channels or 0 in given.shape:
        wrong = f"of the shape {_shape(given)}"
    elif given.dtype != torch.float32:
        wrong = f"of the type {given.dtype}"
    elif given.device != torch.empty(0, device=model.device).device:
        wrong = f"on {given.device}, but it was loaded on {model.device}"
    elif not bool(given.isfinite().all()):
        wrong = "with NaN or infinite values"
    if wrong:
        raise _wrong(model, what, wrong, wanted)


def _wrong(model: Model, what: str, wrong: str, wanted: str) -> InputError:
    return InputError(f"{model.card.name} was given {what} {wrong}; it takes {what} as {wanted}")


def _shape(given: Tensor) -> str:
    return " x ".join(map(str, given.shape)) or "a single number"


def _span(given: Tensor) -> str:
    return f"they run from {float(given.amin()):.6g} to {float(given.amax()):.6g}"
