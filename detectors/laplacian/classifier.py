"""From the features of a pixel to its log-odds of being inpainted, and from those of an image to its map."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from safebench.errors import WeightsError
from safebench.models.calling import top1_mean

from .features import COUNT, REACH, features, laplacian_change, local_variances, without_evidence

_STRIP = 256
"""Rows worked on at a time, so that a large photo needs little memory."""


class Classifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A layer of tanh units over the 16 features, and when an image is called inpainted; made by `fit.py`."""

    hidden: list[list[float]]
    """16 x units."""
    hidden_bias: list[float]
    output: list[float]
    output_bias: float
    slope: float
    threshold: float
    """An image with the evidence e (see `locate`) was inpainted with the probability 1 / (1 + exp(-slope (e -
    threshold)))."""

    def log_odds(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each pixel: float32 H x W x 16 to H x W."""
        hidden, bias, output = (np.array(part, np.float32) for part in (self.hidden, self.hidden_bias, self.output))
        odds: NDArray[np.float32] = np.tanh(inputs @ hidden + bias) @ output + np.float32(self.output_bias)
        return odds


def read_classifier(path: Path) -> Classifier:
    """Read a classifier from its JSON file; raises WeightsError where it is none or its sizes do not fit."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Classifier)
    except (OSError, msgspec.DecodeError) as error:
        raise WeightsError(f"{path}: is no classifier of laplacian's ({error}); make one with its fit.py") from None
    units = len(found.hidden_bias)
    if len(found.hidden) != COUNT or len(found.output) != units or any(len(row) != units for row in found.hidden):
        raise WeightsError(f"{path}: its layers do not fit {COUNT} features; make it anew with laplacian's fit.py")
    return found


def smoothed_log_odds(image: NDArray[np.uint8], classifier: Classifier) -> NDArray[np.float32]:
    """Log-odds of each pixel, averaged over 7 x 7: uint8 H x W x 3 to float32 H x W.

    What says nothing (flat or clipped) counts 0 at most.  The averaging stands for the paper's morphological filters:
    holes are connected, chance is not.
    """
    height = image.shape[0]
    strips = [_strip(image, top, min(top + _STRIP, height), classifier) for top in range(0, height, _STRIP)]
    odds = cv2.blur(np.concatenate(strips), (7, 7), borderType=cv2.BORDER_REFLECT)
    return odds.astype(np.float32)


def locate(image: NDArray[np.uint8], classifier: Classifier) -> NDArray[np.float32]:
    """The map of an image: P(the image was inpainted) P(the pixel was, if the image was); uint8 H x W x 3 to H x W.

    The evidence that the first factor weighs is the mean of the highest 1% of the log-odds.
    """
    odds = smoothed_log_odds(image, classifier)
    inpainted = expit(classifier.slope * (top1_mean(odds) - classifier.threshold))
    return (inpainted * expit(odds)).astype(np.float32)


def _strip(image: NDArray[np.uint8], top: int, bottom: int, classifier: Classifier) -> NDArray[np.float32]:
    first = max(0, top - REACH)
    part = image[first : bottom + REACH]
    variances = local_variances(laplacian_change(part.astype(np.float32)))
    odds = classifier.log_odds(features(variances))
    silent = without_evidence(part, variances)
    odds[silent] = np.minimum(odds[silent], 0)
    return odds[top - first : bottom - first]
