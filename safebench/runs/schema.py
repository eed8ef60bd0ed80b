"""The columns of a run's tables: what is stored, one row an image."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

SAMPLES: Final = MappingProxyType(
    {
        "sample": "string",  # PHOTO.BIN, a file name's worth
        "photo": "string",  # a file name's worth, unique in the run
        "photo_name": "string",  # as the data set names it
        "photo_sha256": "string",
        "dataset": "string",
        "mask_name": "string",
        "mask_sha256": "string",
        "bin": "string",
        "gallery": "bool",  # its maps are kept for the report
        "photo_key": "string",  # of all that the evaluated photo depends on
        "key": "string",  # of all that the sample depends on
        "original": "string",  # path in the run's folder: the photo as it is evaluated
        "mask": "string",  # likewise: the hole, 255 = hole
    }
)
"""samples.parquet: the plan, one row for each photo and bin."""

QUALITY_METRICS: Final = ("psnr", "ssim", "lpips", "l1", "psnr_hole", "l1_hole")
QUALITY: Final = MappingProxyType(
    {
        "key": "string",
        "sample_key": "string",
        "inpainter_id": "string",  # of the model's version, weights and seed
        "lpips_net": "string",  # "" where no backbone was at hand
        "sample": "string",
        "photo": "string",
        "dataset": "string",
        "bin": "string",
        "inpainter": "string",
        "composite": "string",  # path in the run's folder
        "composite_sha256": "string",  # of the file's bytes
        "hole_ratio": "float64",
        **dict.fromkeys(QUALITY_METRICS, "float64"),
        "error": "string",  # "" where all went well
        "error_step": "string",  # read, mask, inpaint, quality, detect
    }
)
"""results/quality: one row for each sample and inpainter.  `lpips` is NaN where no backbone was at hand."""

LOCALISATION_METRICS: Final = ("auc", "f1", "f1_best", "iou", "mcc", "pixel_acc")
DETECTION: Final = MappingProxyType(
    {
        "key": "string",
        "sample_key": "string",  # for an untouched original: the photo's
        "inpainter_id": "string",  # for an untouched original: ""
        "detector_id": "string",
        "sample": "string",  # for an untouched original: the photo
        "photo": "string",
        "dataset": "string",
        "bin": "string",  # for an untouched original: ""
        "inpainter": "string",  # for an untouched original: "original"
        "postprocess": "string",  # "none"
        "detector": "string",
        **dict.fromkeys(LOCALISATION_METRICS, "float64"),  # NaN for an untouched original
        "score": "float64",
        "flagged": "float64",  # 1 where score >= 0.5, else 0; NaN where it failed
        "flagged_area": "float64",  # share of pixels with a map value of at least 0.5
        "map": "string",  # path in the run's folder, "" where it was not kept
        "confidence": "string",  # likewise
        "error": "string",
        "error_step": "string",
    }
)
"""results/detection: one row for each sample, inpainter, post-process and detector."""
