"""The metrics as functions of arrays, for pictures, maps and scores of one's own (docs/metrics.md, From Python).

They are the catalogue's metrics themselves, with a look at what comes in.  Pictures are uint8 H x W x 3, as detectors
see them; masks bool H x W, True = hole (0 and 1, or 0 and 255, are taken too); maps floats H x W in [0, 1]; scores
floats in [0, 1], one for each image.  Whatever NumPy makes an array of is taken, tensors on the CPU too.  Anything else
raises InputError, which says what was given and what is taken.
"""

from __future__ import annotations

from functools import lru_cache
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from safebench.errors import InputError
from safebench.metrics import detection_rate_at_5 as at_5
from safebench.metrics import ece as calibration
from safebench.metrics import image_auc as of_images
from safebench.metrics.ap import AP
from safebench.metrics.auc import AUC
from safebench.metrics.evidence import CompositeEvidence, MapEvidence
from safebench.metrics.f1 import F1
from safebench.metrics.f1_best import F1_BEST
from safebench.metrics.iou import IOU
from safebench.metrics.known_changed import KNOWN_CHANGED
from safebench.metrics.l1 import L1, L1_HOLE
from safebench.metrics.mcc import MCC
from safebench.metrics.metric import Metric
from safebench.metrics.pixel_acc import PIXEL_ACC
from safebench.metrics.psnr import PSNR, PSNR_HOLE
from safebench.metrics.ssim import SSIM, WINDOW
from safebench.metrics.thresholds import flagged_share
from safebench.protocol import THRESHOLD

Array = NDArray[Any]


def psnr(picture: ArrayLike, original: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Peak signal-to-noise ratio in dB, of the whole picture or of the mask's pixels: more is nearer.

    +inf where the two are the same; NaN where the mask is empty.
    """
    return _quality(PSNR if mask is None else PSNR_HOLE, picture, original, mask)


def ssim(picture: ArrayLike, original: ArrayLike) -> float:
    """Structural similarity (Wang et al. 2004), at most 1: more is nearer.  Both sides have at least 11 pixels."""
    evidence = _pictures(picture, original, None)
    if min(evidence.composite.shape[:2]) < WINDOW:
        raise InputError(f"SSIM takes pictures of at least {WINDOW} pixels a side, not {_shape(evidence.composite)}")
    return float(SSIM.compute(evidence))


def l1(picture: ArrayLike, original: ArrayLike, mask: ArrayLike | None = None) -> float:
    """Mean absolute error in [0, 1], of the whole picture or of the mask's pixels: less is nearer."""
    return _quality(L1 if mask is None else L1_HOLE, picture, original, mask)


def lpips(picture: ArrayLike, original: ArrayLike, net: str = "alex") -> float:
    """LPIPS 0.1 (Zhang et al. 2018), at least 0: less is nearer.  Computed on the CPU.

    net: the backbone, `alex`, `vgg` or `squeeze`; its weights are fetched once.
    Raises ConfigError for another backbone, WeightsError where its weights cannot be had.
    """
    evidence = _pictures(picture, original, None)
    return float(_perceptual(net)(evidence.composite[None], evidence.true_original[None])[0])


def known_changed(picture: ArrayLike, original: ArrayLike, mask: ArrayLike) -> float:
    """Share of the pixels outside the mask of which a channel differs by more than 2 grey levels; NaN where none is."""
    return _quality(KNOWN_CHANGED, picture, original, mask)


def pixel_auc(score_map: ArrayLike, mask: ArrayLike) -> float:
    """Area under the ROC curve over the pixels, exact, ties counting half: 0.5 is chance; NaN for a mask without hole
    or without known pixels."""
    return _localised(AUC, score_map, mask)


def pixel_ap(score_map: ArrayLike, mask: ArrayLike) -> float:
    """Average precision over the pixels, in [0, 1]: chance is the mask's share; NaN where the mask is empty."""
    return _localised(AP, score_map, mask)


def pixel_f1(score_map: ArrayLike, mask: ArrayLike) -> float:
    """F1 of map >= 0.5 against the mask, in [0, 1]; 0 where no pixel is hit."""
    return _localised(F1, score_map, mask)


def pixel_f1_best(score_map: ArrayLike, mask: ArrayLike) -> float:
    """The largest F1 over all thresholds of this map, in [0, 1]: an oracle's figure."""
    return _localised(F1_BEST, score_map, mask)


def pixel_iou(score_map: ArrayLike, mask: ArrayLike) -> float:
    """Intersection over union of map >= 0.5 and the mask, in [0, 1]; 0 where no pixel is hit."""
    return _localised(IOU, score_map, mask)


def pixel_mcc(score_map: ArrayLike, mask: ArrayLike) -> float:
    """Matthews' correlation of map >= 0.5 and the mask, in [-1, 1]; 0 where it is undefined."""
    return _localised(MCC, score_map, mask)


def pixel_acc(score_map: ArrayLike, mask: ArrayLike) -> float:
    """Share of pixels that map >= 0.5 calls what the mask says, in [0, 1]."""
    return _localised(PIXEL_ACC, score_map, mask)


def image_auc(forged: ArrayLike, originals: ArrayLike) -> float:
    """Area under the ROC curve of forged images' scores against originals', ties counting half: 0.5 is chance; NaN
    where either is missing."""
    return of_images.image_auc(_scores("forged", forged), _scores("originals", originals))


def detection_rate(scores: ArrayLike, threshold: float = THRESHOLD) -> float:
    """Share of images with a score of at least `threshold`: of forged ones the detection rate, of originals the
    false-alarm rate; NaN where there is none."""
    return flagged_share(_scores("scores", scores), threshold)


def detection_rate_at_5(forged: ArrayLike, originals: ArrayLike) -> float:
    """Share of forged images above the threshold that at most 5% of the originals reach; NaN where either is
    missing."""
    return at_5.detection_rate_at_5(_scores("forged", forged), _scores("originals", originals))


def ece(forged: ArrayLike, originals: ArrayLike) -> float:
    """Expected calibration error of the scores as chances that an image is forged, in [0, 1], over 15 bins; NaN where
    either is missing."""
    return calibration.ece(_scores("forged", forged), _scores("originals", originals))


@lru_cache(maxsize=3)
def _perceptual(net: str) -> Any:
    import torch  # both are slow to import, and other metrics need neither

    from safebench.metrics.perceptual import load_perceptual

    return load_perceptual(net, torch.device("cpu"))


def _quality(metric: Metric, picture: ArrayLike, original: ArrayLike, mask: ArrayLike | None) -> float:
    return float(metric.compute(_pictures(picture, original, mask)))


def _localised(metric: Metric, score_map: ArrayLike, mask: ArrayLike) -> float:
    hole = _mask(mask)
    scores = _in_unit("the map", _array("the map", score_map, "floats in [0, 1], H x W"))
    if scores.shape != hole.shape:
        raise InputError(f"the map is {_shape(scores)} and the mask {_shape(hole)}; both have to be H x W alike")
    if not scores.size:
        raise InputError(f"the map is {_shape(scores)}: it has no pixel")
    return float(metric.compute(MapEvidence(scores, hole)))


def _pictures(picture: ArrayLike, original: ArrayLike, mask: ArrayLike | None) -> CompositeEvidence:
    both = [_picture(name, given) for name, given in (("the picture", picture), ("the original", original))]
    hole = np.zeros(both[0].shape[:2], np.bool_) if mask is None else _mask(mask)
    shapes = [*(array.shape[:2] for array in both), hole.shape]
    if len(set(shapes)) > 1:
        told = ", ".join(f"{name} {shape[0]} x {shape[1]}" for name, shape in zip(_NAMES, shapes, strict=True))
        raise InputError(f"sizes differ: {told}")
    return CompositeEvidence(both[0], both[1], hole)


_NAMES = ("picture", "original", "mask")


def _picture(name: str, given: ArrayLike) -> Array:
    array = _array(name, given, "uint8, H x W x 3")
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or not array.size:
        hint = "; of a tensor in [0, 1]: (255 * t).round().byte().permute(1, 2, 0)" if array.dtype.kind == "f" else ""
        raise InputError(f"{name} is {array.dtype}, {_shape(array)}; it has to be uint8, H x W x 3, RGB{hint}")
    return array


def _mask(given: ArrayLike) -> NDArray[np.bool_]:
    array = _array("the mask", given, "bool, H x W")
    if array.ndim != 2:
        raise InputError(f"the mask is {_shape(array)}; it has to be H x W, True = hole")
    if array.dtype == np.bool_:
        return array
    values = set(np.unique(array).tolist()) if array.dtype.kind in "uif" else {"text"}
    if not (values <= {0, 1} or values <= {0, 255}):
        raise InputError("the mask has other values than 0 and 1, or 0 and 255; threshold it: mask >= 0.5")
    return array > 0


def _scores(name: str, given: ArrayLike) -> NDArray[np.float64]:
    array = _array(name, given, "floats in [0, 1], one for each image")
    if array.ndim != 1:
        raise InputError(f"{name} is {_shape(array)}; scores have to be a list, one for each image")
    return _in_unit(name, array).astype(np.float64)


def _in_unit(name: str, array: Array) -> Array:
    """As float64, or float32 where it is that, with all values in [0, 1]."""
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} is {array.dtype}; it has to be floats in [0, 1]")
    floats = np.ascontiguousarray(array if array.dtype in (np.float32, np.float64) else array.astype(np.float64))
    if floats.size and not (floats.min() >= 0 and floats.max() <= 1):  # NaN compares false
        span = f"its values run from {floats.min():.6g} to {floats.max():.6g}"
        raise InputError(f"{name} leaves [0, 1]: {span}; scale it, since nothing is clipped")
    return floats


def _array(name: str, given: ArrayLike, wanted: str) -> Array:
    if isinstance(given, str | bytes | PathLike):
        raise InputError(f"{name} is a name, {given!r}; read the file first (np.asarray(Image.open(...))): {wanted}")
    try:
        return np.asarray(given)
    except Exception as error:  # whatever a foreign object raises: of a tensor on a GPU, a ragged list
        raise InputError(f"{name} makes no array ({str(error).splitlines()[0]}); it has to be {wanted}") from None


def _shape(array: Array) -> str:
    return " x ".join(map(str, array.shape)) or "a single number"
