"""The columns of a run's tables: what is stored, one row an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from safebench.errors import ConfigError
from safebench.metrics.catalogue import DEFAULT, stored
from safebench.metrics.metric import Metric
from safebench.protocol import SPLICED

Table = Literal["quality", "detection"]

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

_BEFORE: Mapping[Table, Mapping[str, str]] = {
    "quality": {
        "key": "string",
        "sample_key": "string",
        "inpainter_id": "string",  # of the model's version, weights and seed
        "lpips_net": "string",  # "" where no backbone was at hand
        "sample": "string",
        "photo": "string",
        "dataset": "string",
        "bin": "string",
        "inpainter": "string",
        "assembly": "string",  # how the output became a picture: spliced, regenerated
        "composite": "string",  # path in the run's folder
        "composite_sha256": "string",  # of the file's bytes
        "hole_ratio": "float64",
    },
    "detection": {
        "key": "string",
        "sample_key": "string",  # for an untouched original: the photo's
        "inpainter_id": "string",  # for an untouched original: ""
        "detector_id": "string",
        "sample": "string",  # for an untouched original: the photo
        "photo": "string",
        "dataset": "string",
        "bin": "string",  # for an untouched original: ""
        "inpainter": "string",  # for an untouched original: "original"
        "assembly": "string",  # for an untouched original: ""
        "postprocess": "string",  # what was done to the picture: "none", "jpeg:75", "resize:0.5+jpeg:90"
        "postprocess_id": "string",  # of its steps' versions, weights and seeds; "" for "none"
        "detector": "string",
    },
}
_AFTER: Mapping[Table, Mapping[str, str]] = {
    "quality": {
        "error": "string",  # "" where all went well
        "error_step": "string",  # read, mask, inpaint, quality, postprocess, detect
    },
    "detection": {
        "map": "string",  # path in the run's folder, "" where it was not kept
        "confidence": "string",  # likewise
        "picture": "string",  # likewise: the picture after post-processing; "" for "none" too
        "picture_sha256": "string",  # of the bytes that the detector was shown; "" for "none"
        "error": "string",
        "error_step": "string",
    },
}
ADDED: Mapping[Table, Mapping[str, str]] = {
    "quality": {"assembly": SPLICED},
    "detection": {"assembly": SPLICED, "postprocess_id": "", "picture": "", "picture_sha256": ""},
}
"""Columns that older versions did not write, with what they would have written."""


def metric_columns(table: Table, metrics: Sequence[Metric] = DEFAULT) -> tuple[str, ...]:
    """The columns of a table that hold metrics; NaN where a picture has no such value.

    Raises ConfigError for a metric whose column is taken by what rows say of themselves.
    """
    names = tuple(stored(metrics, quality=table == "quality"))
    for name in names:
        if name in (*_BEFORE[table], *_AFTER[table]):
            raise ConfigError(f"metric '{name}': the table of {table} has another column of this name")
    return names


def columns(table: Table, metrics: Sequence[Metric] = DEFAULT) -> dict[str, str]:
    """The columns of a table of stored rows that holds these metrics."""
    return {**_BEFORE[table], **dict.fromkeys(metric_columns(table, metrics), "float64"), **_AFTER[table]}


QUALITY: Final = MappingProxyType(columns("quality"))
"""results/quality of a plain run: one row for each sample, inpainter and assembly."""
DETECTION: Final = MappingProxyType(columns("detection"))
"""results/detection of a plain run: one row for each sample, inpainter, assembly, post-process and detector."""
