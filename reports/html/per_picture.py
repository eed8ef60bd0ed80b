"""One row a picture: what pictures.js shows, in files of its own that the page loads when the reader gets there.

A file holds whole columns as bytes, so that 10,000 samples are a few hundred kilobytes and are sorted at once: one with
the pictures and their quality, and one for each detector and condition with what it said of them.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from safebench.files import atomic_write
from safebench.keys import digest
from safebench.metrics.detection_rate import COLUMN as FLAGGED
from safebench.metrics.metric import Metric
from safebench.metrics.score import SCORE
from safebench.protocol import ORIGINAL
from safebench.results.conditions import in_order

from .._common.runs import Run, detection_metrics, quality_metrics
from .._common.words import bin_name, bin_place

FOLDER = "pictures"
_OURS = re.compile(r"(pictures|seen)\.[0-9a-f]{10}\.js")
_MISSING, _INFINITE = -32768, 32767
"""What stands for no figure, and for an infinite one, in a column of whole numbers."""


def per_picture(runs: Sequence[Run], out: Path) -> list[dict[str, Any]]:
    """Write the files below `out`; returns what the page has to know of each run that holds pictures."""
    files = _Files(out)
    shown = [_Pictures(run, files).contents() for run in runs if len(run.results.quality)]
    files.remove_old()
    return [{**run, "files": files.names} for run in shown]


class _Files:
    """The files of all runs; each is told apart by its place in `names`."""

    def __init__(self, out: Path) -> None:
        self._folder = out / FOLDER
        self.names: list[str] = []

    def write(self, name: str, data: dict[str, Any]) -> int:
        """Write one; returns its place.  It is a script, since a page that was opened from disk may load no other."""
        text = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
        place = len(self.names)
        script = f"SafeBenchPictures.take({place},{text});\n".encode()
        file = f"{name}.{digest(script.decode())[:10]}.js"
        atomic_write(self._folder / file, script)
        self.names.append(f"{FOLDER}/{file}")
        return place

    def remove_old(self) -> None:
        """Remove the files of an earlier report at this place."""
        for path in self._folder.glob("*.js"):
            if f"{FOLDER}/{path.name}" not in self.names and _OURS.fullmatch(path.name):
                path.unlink()


@dataclass(frozen=True)
class _Maker:
    """The pictures of one inpainter and assembly, or the untouched originals; `rows` are by sample."""

    inpainter: str
    assembly: str
    rows: pd.DataFrame


class _Pictures:
    """The pictures of one run."""

    def __init__(self, run: Run, files: _Files) -> None:
        self.run = run
        self.files = files
        self.parts = run.of_each_assembly
        self.samples = run.results.samples.reset_index(drop=True)
        self.quality = [metric for metric in quality_metrics(self.parts) if _shown(metric)]
        located = [m for m in detection_metrics(self.parts) if m.subject == "localisation" and _shown(m)]
        self.seen = [*located, SCORE]
        self.makers = sorted(self._made(), key=lambda maker: run.inpainter_place(maker.inpainter))
        self.makers += self._originals()

    def contents(self) -> dict[str, Any]:
        """What the page embeds: names alone."""
        conditions = in_order({name for part in self.parts for name in part.results.detection["postprocess"].unique()})
        detectors = list(self.run.models("detectors"))
        told = {(detector, name): self._told(detector, name) for name in conditions for detector in detectors}
        return {
            "run": self.run.label,
            "count": sum(len(maker.rows) for maker in self.makers),
            "pictures": self.files.write("pictures", self._all()),
            "seen": [[*key, self.files.write("seen", columns)] for key, columns in told.items() if columns],
        }

    def _made(self) -> Iterator[_Maker]:
        for part in self.parts:
            for name, rows in part.results.quality.groupby("inpainter", sort=False):
                yield _Maker(str(name), part.assembly, rows.drop_duplicates("sample", keep="last").set_index("sample"))

    def _originals(self) -> list[_Maker]:
        """The untouched photos that any detector saw; as samples they are called by their photo."""
        seen = self.run.results.detection
        photos = seen.loc[seen["inpainter"] == ORIGINAL, "photo"].unique()
        rows = pd.DataFrame(index=pd.Index(photos, name="sample"))
        return [_Maker(ORIGINAL, "", rows)] if len(photos) else []

    def _places(self, maker: _Maker) -> list[int]:
        """Where a maker's samples stand in the plan; an original where its photo's first sample does."""
        first = self.samples[~self.samples["photo"].duplicated()]
        name, rows = ("photo", first) if maker.inpainter == ORIGINAL else ("sample", self.samples)
        place = dict(zip(rows[name], rows.index.tolist(), strict=True))
        return [place[sample] for sample in maker.rows.index]

    def _all(self) -> dict[str, Any]:
        """The samples, who made which pictures of them, and those pictures' quality, one after the other."""
        samples = self.samples
        photos = pd.factorize(samples["photo"])[0]
        bins = sorted({*samples["bin"]}, key=lambda name: (bin_place(name), name))
        names = samples.drop_duplicates("photo")["photo_name"]
        return {
            "photos": list(names),
            "photo": photos.tolist(),
            "bins": [bin_name(name) for name in bins],
            "bin": [bins.index(name) for name in samples["bin"]],
            "gallery": {int(k): samples["sample"][k] for k in np.flatnonzero(samples["gallery"])},
            "makers": [
                {
                    "inpainter": maker.inpainter,
                    "assembly": maker.assembly,
                    "control": self.run.is_control(maker.inpainter),
                    "original": maker.inpainter == ORIGINAL,
                    "samples": self._places(maker),
                }
                for maker in self.makers
            ],
            "figures": [_column(metric, [maker.rows for maker in self.makers]) for metric in self.quality],
        }

    def _told(self, detector: str, postprocess: str) -> dict[str, Any]:
        """What a detector said of all pictures under one condition, in their order; {} where it saw none."""
        by_maker: dict[tuple[str, str], pd.DataFrame] = {}
        keys = [metric.key for metric in self.seen]
        for part in self.parts:
            rows = part.results.detection
            wanted = (rows["detector"] == detector) & (rows["postprocess"] == postprocess)
            rows = rows.loc[wanted, rows.columns.intersection(["inpainter", "sample", FLAGGED, *keys])]
            for name, own in rows.groupby("inpainter", sort=False):
                assembly = "" if name == ORIGINAL else part.assembly
                by_maker[str(name), assembly] = own.drop_duplicates("sample", keep="last").set_index("sample")
        if not by_maker:
            return {}
        nothing = pd.DataFrame()
        frames = [
            by_maker.get((maker.inpainter, maker.assembly), nothing).reindex(maker.rows.index) for maker in self.makers
        ]
        flagged = np.concatenate([_values(frame, FLAGGED) for frame in frames])
        columns = [_column(metric, frames) for metric in self.seen]
        of_flagged = {"label": "Flagged", "of": "Whether it calls the picture inpainted."}
        return {"figures": [*columns, {**of_flagged, **packed(flagged, 0)}]}


def _shown(metric: Metric) -> bool:
    """Whether a metric has a figure for each picture, and a place in reports before the reader chooses."""
    return metric.level == "picture" and "report" in metric.shown and metric.key != SCORE.key


def _column(metric: Metric, frames: Sequence[pd.DataFrame]) -> dict[str, Any]:
    values = np.concatenate([_values(frame, metric.key) for frame in frames])
    of_one = {"label": "Score", "of": "How surely the detector calls the picture inpainted."}
    named = of_one if metric.key == SCORE.key else {"label": metric.label, "of": metric.meaning}
    return {**named, **packed(values, metric.digits)}


def _values(frame: pd.DataFrame, key: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return frame[key].to_numpy(np.float64) if key in frame else np.full(len(frame), np.nan)


def packed(values: np.ndarray[Any, np.dtype[np.float64]], digits: int) -> dict[str, Any]:
    """A column as text: whole numbers of the last digit that is shown, 16 bit each; floats where they are too large."""
    scaled = np.rint(values * 10.0**digits)
    if not (np.abs(scaled[np.isfinite(scaled)]) < _INFINITE).all() or np.isneginf(scaled).any():
        return {"digits": digits, "floats": _text(values.astype("<f4"))}
    whole = np.where(np.isnan(scaled), _MISSING, np.where(np.isposinf(scaled), _INFINITE, scaled))
    return {"digits": digits, "whole": _text(whole.astype("<i2"))}


def _text(values: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()
