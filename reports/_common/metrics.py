"""The figures that the report shows: their names, their reading direction, their definitions (docs/protocol.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["low", "high", ""]
View = Literal["inpainter", "detector"]
VIEWS: tuple[View, ...] = ("inpainter", "detector")


@dataclass(frozen=True)
class Metric:
    """One column of figures.

    key: the column of the aggregated table.  better: which way is better for the inpainter ("" where neither is).
    shown: whether the reader sees it before choosing.  digits: decimals.
    """

    key: str
    name: str
    group: str
    better: Better
    meaning: str
    shown: bool = False
    digits: int = 3
    undefined: str = ""
    """The column that counts the images without a figure, and what to say of them."""
    undefined_text: str = ""
    unit: str = ""
    chance: float | None = None
    """Where guessing lands.  An inpainter hides best at it, not below: see `trace`."""

    def trace(self, value: float) -> float:
        """How much was found, however the detector is turned: a figure below chance counts as far above it."""
        return value if self.chance is None else self.chance + abs(value - self.chance)

    @property
    def label(self) -> str:
        """The name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def better_for(self, view: View) -> Better:
        """Which way is better, seen from an inpainter or from a detector; quality is the inpainter's alone."""
        if view == "inpainter" or not self.better:
            return self.better
        if self.group == QUALITY_GROUP:
            return ""
        return "high" if self.better == "low" else "low"


CHANCE = 0.5
LOCALISATION_GROUP = "Where (pixels)"
DETECTION_GROUP = "Whether (image)"
QUALITY_GROUP = "Quality"

LOCALISATION = (
    Metric(
        "auc", "AUC", LOCALISATION_GROUP, "low",
        "Pixel AUC: how well the map separates hole from known pixels, mean over images. 0.5 is chance.",
        shown=True, undefined="auc_undefined", undefined_text="undefined", chance=CHANCE,
    ),
    Metric("f1", "F1", LOCALISATION_GROUP, "low", "F1 of map ≥ 0.5 against the hole, mean over images.", shown=True),
    Metric(
        "f1_best", "F1-best (oracle)", LOCALISATION_GROUP, "low",
        "The largest F1 over all thresholds of each image: an oracle, since it needs the hole to choose the threshold.",
    ),
    Metric("iou", "IoU", LOCALISATION_GROUP, "low", "Intersection over union of map ≥ 0.5 and the hole."),
    Metric("mcc", "MCC", LOCALISATION_GROUP, "low", "Matthews correlation of map ≥ 0.5 and the hole."),
    Metric("pixel_acc", "Pixel ACC", LOCALISATION_GROUP, "low", "Share of pixels that map ≥ 0.5 gets right."),
)  # fmt: skip
DETECTION = (
    Metric(
        "detection_rate", "ACC (detection rate)", DETECTION_GROUP, "low",
        "Share of inpainted images with a score ≥ 0.5; read it beside the false alarms.", shown=True,
    ),
    Metric(
        "image_auc", "Image AUC", DETECTION_GROUP, "low",
        "AUC of the image-level score, inpainted images against untouched originals. 0.5 is chance.", shown=True,
        chance=CHANCE,
    ),
    Metric(
        "detection_rate_at_5", "Detection rate at 5% false alarms", DETECTION_GROUP, "low",
        "Share of inpainted images above the threshold that 5% of the originals exceed.",
    ),
    Metric("score", "Mean score", DETECTION_GROUP, "low", "Mean image-level score of the inpainted images."),
)  # fmt: skip
QUALITY = (
    Metric(
        "psnr_hole", "PSNR-hole", QUALITY_GROUP, "high",
        "PSNR over the hole's pixels; images identical to the original are counted, never averaged in.",
        shown=True, digits=2, undefined="psnr_hole_infinite", undefined_text="identical", unit="dB",
    ),
    Metric(
        "psnr", "PSNR", QUALITY_GROUP, "high",
        "PSNR over the whole image; images identical to the original are counted, never averaged in.",
        digits=2, undefined="psnr_infinite", undefined_text="identical", unit="dB",
    ),
    Metric("ssim", "SSIM", QUALITY_GROUP, "high", "Structural similarity to the original, whole image."),
    Metric("lpips", "LPIPS", QUALITY_GROUP, "low", "Learned perceptual distance to the original.", shown=True),
    Metric("l1", "L1", QUALITY_GROUP, "low", "Mean absolute error over the whole image.", digits=4),
    Metric("l1_hole", "L1-hole", QUALITY_GROUP, "low", "Mean absolute error over the hole's pixels.", digits=4),
)  # fmt: skip
FALSE_ALARMS = (
    Metric(
        "false_alarm_rate", "False-alarm rate", DETECTION_GROUP, "",
        "Share of untouched originals with a score ≥ 0.5.",
    ),
    Metric(
        "threshold_at_5", "Threshold at 5%", DETECTION_GROUP, "",
        "The score that 5% of the untouched originals exceed.",
    ),
    Metric(
        "flagged_area", "Flagged area", LOCALISATION_GROUP, "",
        "Mean share of an untouched original's pixels with a map value ≥ 0.5.",
    ),
)  # fmt: skip
