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
        "sample": "string",
        "photo": "string",
        "photo_name": "string",
        "photo_sha256": "string",
        "dataset": "string",
        "mask_name": "string",
        "mask_sha256": "string",
        "bin": "string",
        "gallery": "bool",
        "photo_key": "string",
        "key": "string",
        "original": "string",
        "mask": "string",
    }
)
"""samples.parquet: the plan, one row for each photo and bin."""

MEANINGS: Final = MappingProxyType(
    {
        "sample": "photo and bin, `PHOTO.BIN`; of an untouched original the photo",
        "photo": "the photo's name in this run, a file name's worth and unique",
        "photo_name": "the photo's file, or as the data set names it",
        "photo_sha256": "of the photo's file",
        "dataset": "the data set that the photo is of",
        "mask_name": "the mask, as its set names it",
        "mask_sha256": "of the mask",
        "bin": "size of the hole in percent of the picture, such as `10-20`; empty for an untouched original",
        "gallery": "whether the sample's maps are kept for the report",
        "photo_key": "of all that the evaluated photo depends on",
        "original": "path in the run's folder: the photo as it is evaluated",
        "mask": "path in the run's folder: the hole, 255 = hole",
        "key": "of all that the row depends on",
        "sample_key": "of all that the sample depends on; of an untouched original the photo's",
        "inpainter": "who made the picture; in the stored table `original` for an untouched original",
        "inpainter_id": "of the inpainter's version, weights, code and seed; empty for an untouched original",
        "lpips_net": "backbone of LPIPS; empty where none was at hand",
        "assembly": "how the output became a picture: `spliced`, `regenerated`, `received`; empty for an original",
        "composite": "path in the run's folder: the picture",
        "composite_sha256": "of the picture's file",
        "hole_ratio": "share of the picture that is hole, in [0, 1]",
        "postprocess": "what was done to the picture: `none`, `jpeg:75`, `resize:0.5+jpeg:90`",
        "postprocess_id": "of the steps' versions, weights and seeds; empty for `none`",
        "detector": "who looked at the picture",
        "detector_id": "of the detector's version, weights, code and seed",
        "map": "path in the run's folder: the localisation map, 16-bit grey; empty where it was not kept",
        "confidence": "path in the run's folder: how sure the map is; empty where no detector says it, or not kept",
        "picture": "path in the run's folder: the picture after post-processing; empty for `none`, or not kept",
        "picture_sha256": "of the file that the detector was shown; empty for `none`",
        "error": "what went wrong; empty where all went well",
        "error_step": "where: `read`, `mask`, `inpaint`, `quality`, `postprocess`, `detect`",
    }
)
"""What each column holds that is no metric, the same in every table; docs/columns.md is made of it."""

_BEFORE: Mapping[Table, Mapping[str, str]] = {
    "quality": {
        "key": "string",
        "sample_key": "string",
        "inpainter_id": "string",
        "lpips_net": "string",
        "sample": "string",
        "photo": "string",
        "dataset": "string",
        "bin": "string",
        "inpainter": "string",
        "assembly": "string",
        "composite": "string",
        "composite_sha256": "string",
        "hole_ratio": "float64",
    },
    "detection": {
        "key": "string",
        "sample_key": "string",
        "inpainter_id": "string",
        "detector_id": "string",
        "sample": "string",
        "photo": "string",
        "dataset": "string",
        "bin": "string",
        "inpainter": "string",
        "assembly": "string",
        "postprocess": "string",
        "postprocess_id": "string",
        "detector": "string",
    },
}
_AFTER: Mapping[Table, Mapping[str, str]] = {
    "quality": {
        "error": "string",
        "error_step": "string",
    },
    "detection": {
        "map": "string",
        "confidence": "string",
        "picture": "string",
        "picture_sha256": "string",
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
