"""Whether a run's folder holds what it says: complete, hashes match, and its figures follow from its pictures."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from safebench.errors import SafebenchError, SubmissionError
from safebench.inputs.images.reading import read_mask, read_photo
from safebench.keys import digest
from safebench.metrics.catalogue import features, measure, stored
from safebench.metrics.evidence import CompositeEvidence, MapEvidence
from safebench.metrics.feature import decoded
from safebench.metrics.metric import Metric
from safebench.metrics.score import SCORE
from safebench.models.calling import top1_mean
from safebench.protocol import NO_POSTPROCESS, ORIGINAL, PROTOCOL, RECEIVED, SPLICED
from safebench.results.identity import identity_sentence
from safebench.results.results import Results
from safebench.results.shown import ShownAgain
from safebench.runs.store import Store

SHARE = 0.1
"""Of the samples whose figures are computed again."""
NAMED = 5
"""Problems that a sentence names; the rest are counted."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What was looked at, and what is wrong; `seed` draws the same samples again.

    identity: a sentence on what of the models' identity could be checked here, and what not.
    """

    problems: tuple[str, ...]
    samples: int
    figures: int
    seed: int
    identity: str = ""

    def raise_if_wrong(self, name: str) -> None:
        """Raise SubmissionError with the first problems."""
        if self.problems:
            more = f"; and {len(self.problems) - NAMED} more" if len(self.problems) > NAMED else ""
            raise SubmissionError(f"{name}: is refused: {'; '.join(self.problems[:NAMED])}{more}")


def verify(results: Results, seed: int, share: float = SHARE) -> Verdict:
    """Hold a finished run against its own evidence.

    seed: draws the samples that are computed again; a run's author must not know it beforehand.  share: of all
    samples, at least one.
    """
    check = _Check(results)
    problems = [*check.terms(), *check.complete(), *check.maps()]
    if problems:  # what is not all there need not be computed again
        return Verdict(tuple(problems), 0, 0, seed)
    problems += check.composites()
    names = sorted(results.samples.loc[results.samples["bin"] != "", "sample"])  # those with a hole
    drawn = random.Random(seed).sample(names, min(len(names), max(1, math.ceil(share * len(names)))))  # noqa: S311 (no secret)
    for name in drawn:
        problems += check.sample(name)
    sentence = identity_sentence(results.record)
    if chains := sorted(check.shown.not_compared):
        by_others = "Made again here, by other versions than the run's, and so not compared bit by bit: pictures after"
        sentence += f" {by_others} {', '.join(chains)}."
    return Verdict(tuple(problems), len(drawn), check.figures, seed, sentence)


class _Check:
    """The checks of one run; `figures` counts those computed again."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.store = Store(results.folder)
        self.figures = 0
        self.shown = ShownAgain(results)

    @cached_property
    def samples(self) -> dict[str, Row]:
        return {name: rows[0] for name, rows in _by_sample(self.results.samples).items()}

    @cached_property
    def quality(self) -> dict[str, list[Row]]:
        return _by_sample(self.results.quality)

    @cached_property
    def detection(self) -> dict[str, list[Row]]:
        return _by_sample(self.results.detection[self.results.detection["inpainter"] != ORIGINAL])

    def terms(self) -> Iterator[str]:
        """The protocol, the run's end, and the plan against its fingerprints."""
        record, samples = self.results.record, self.results.samples
        if record.protocol != PROTOCOL:
            yield f"its protocol is {record.protocol!r}, and this SafeBench knows {PROTOCOL!r}"
        if record.status != "finished":
            yield f"it is not finished (status: {record.status}); run it again, it goes on"
        photos = sorted(set(zip(samples["photo_name"], samples["photo_sha256"], strict=True)))
        masks = list(zip(samples["sample"], samples["mask_sha256"], strict=True))
        prints = {"photos": record.photos.fingerprint, "masks": record.masks.fingerprint}
        present = {"photos": digest(photos), "masks": digest(masks)}
        if record.pictures is not None:
            prints["pictures"] = record.pictures.fingerprint
            columns = (self.results.quality[name] for name in ("inpainter", "sample", "composite_sha256"))
            present["pictures"] = digest(sorted(zip(*columns, strict=True)))
        for name, expected in prints.items():
            if expected != present[name]:
                yield f"its {name} are not those of its fingerprint"

    def complete(self) -> Iterator[str]:
        """A row for every sample and model, and no other."""
        samples = self.results.samples
        photos = samples.loc[samples["original"] != "", "photo"].nunique()
        models, detectors = self.results.record.inpainters, self.results.record.detectors
        if not len(samples) or not models:
            yield "it holds no results"
        given = self.results.record.pictures
        made = {
            (name, a): len(samples) if given is None else given.makers.get(name, 0)
            for name, model in models.items()
            for a in model.assemblies
        }
        counted = self.results.quality.groupby(["inpainter", "assembly"], sort=False).size()
        for (name, assembly), expected in made.items():
            if (rows := counted.get((name, assembly), 0)) != expected:
                yield f"quality of {name}{_aside(assembly)}: {rows} rows of {expected}"
        keys = ["inpainter", "assembly", "postprocess", "detector"]
        seen = self.results.detection.groupby(keys, sort=False).size()
        conditions = [*self.results.record.postprocessing] or [NO_POSTPROCESS]
        for detector, condition in product(detectors, conditions):
            for (name, assembly), expected in {**made, (ORIGINAL, ""): photos}.items():
                if (rows := seen.get((name, assembly, condition, detector), 0)) != expected:
                    where = f"{detector} on {name}{_aside(assembly, condition)}"
                    yield f"{where}: {rows} rows of {expected}"

    def maps(self) -> Iterator[str]:
        """A map for every row whose figures rest on one."""
        rows = self.results.detection
        rows = rows[(rows["inpainter"] != ORIGINAL) & (rows["error"] == "")]
        if lacking := int(rows["map"].fillna("").eq("").sum()):
            yield f"{lacking:,} of {len(rows):,} maps were not kept; run again with --keep-maps, which makes only them"

    def composites(self) -> Iterator[str]:
        """Every composite against its checksum."""
        good = self.results.quality[self.results.quality["error"] == ""]
        for path, sha256 in zip(good["composite"], good["composite_sha256"], strict=True):
            try:
                actual = hashlib.sha256(self._file(path).read_bytes()).hexdigest()
            except (OSError, SubmissionError):
                yield f"{path}: is missing"
                continue
            if actual != sha256:
                yield f"{path}: is not the file that was measured"

    def sample(self, name: str) -> Iterator[str]:
        """All figures of one sample, from its pictures."""
        sample = self.samples[name]
        given = self.results.record.pictures is not None
        if given and not any(row["error"] == "" for row in self.quality.get(name, [])):
            return  # an authentic picture alone, or nothing that could be read
        try:
            original = self._original(sample["original"], given)
            hole = _read(read_mask, self._file(sample["mask"]))
        except (OSError, SafebenchError):
            yield f"{name}: its photo or its hole is missing or unreadable"
            return
        for row in self.quality.get(name, []):
            if row["error"] == "":
                yield from self._quality(row, original, hole)
        for row in self.detection.get(name, []):
            if row["error"] == "":
                yield from self._detection(row, hole)

    def _original(self, path: str, given: bool) -> Any:
        """The photo; None where pictures are given and theirs is not among them, or could not be read."""
        if given and (not path or not self._file(path).exists()):
            return None
        return _read(read_photo, self._file(path))

    def _quality(self, row: Row, original: Any, hole: Any) -> Iterator[str]:
        try:
            composite = _read(read_photo, self._file(row["composite"]))
        except (OSError, SafebenchError):
            return  # told by `composites`
        where = f"{row['inpainter']}{_aside(row['assembly'])} on {row['sample']}"
        spliced = row["assembly"] == SPLICED
        if spliced and (composite[~hole] != original[~hole]).any() and not self._sees_the_hole(row["inpainter"]):
            yield f"{where}: the composite differs outside the hole"
        alike = original is not None and original.shape == composite.shape
        evidence = CompositeEvidence(composite, original if alike else None, hole)
        yield from self._differences(where, row, evidence, quality=True)

    def _detection(self, row: Row, hole: Any) -> Iterator[str]:
        where = f"{row['detector']} on {row['inpainter']}{_aside(row['assembly'], row['postprocess'])}, {row['sample']}"
        try:
            hole = self.shown.mask(row, self._picture(row), hole)
        except SubmissionError as error:
            yield f"{where}: {error}"
            return
        try:
            with Image.open(self._file(row["map"])) as image:
                stored = np.asarray(image)
        except (OSError, SubmissionError):
            yield f"{where}: its map is missing or unreadable"
            return
        if stored.shape != hole.shape or stored.dtype not in (np.dtype("uint16"), np.dtype("int32")):
            yield f"{where}: its map is no 16-bit picture of its mask's size"
            return
        levels = (stored.astype(np.float64) / 65535).astype(np.float32)
        evidence = MapEvidence(levels, hole, row[SCORE.column])
        yield from self._differences(where, row, evidence, quality=False)
        for name, feature in features(self.results.metrics, "map").items():
            try:
                left = decoded(self.store.feature(name, row["key"]).read_bytes())
            except (OSError, ValueError):
                yield f"{where}: its file of features ({name}) is missing or unreadable"
                continue
            if feature.network is None and not np.array_equal(left, feature.extract(evidence)):
                yield f"{where}: its features ({name}) are not those of its map"

    def _differences(
        self, where: str, row: Row, evidence: CompositeEvidence | MapEvidence, *, quality: bool
    ) -> Iterator[str]:
        """The stored values that the row's evidence does not give again."""
        metrics = [m for m in stored(self.results.metrics, quality=quality).values() if self._computable(m, row)]
        again = measure(metrics, evidence)
        if SCORE in metrics and isinstance(evidence, MapEvidence):
            again[SCORE.column] = top1_mean(evidence.map.astype(np.float32))
        self.figures += len(metrics)
        other = [
            f"{m.column} is {row[m.column]:.6g}, and its pictures give {again[m.column]:.6g}"
            for m in metrics
            if m.tolerance is not None and not _same(float(row[m.column]), again[m.column], m.tolerance)
        ]
        if other:
            yield f"{where}: {other[0]}" + (f" ({len(other) - 1} more of its figures differ)" if other[1:] else "")

    def _computable(self, metric: Metric, row: Row) -> bool:
        """Whether a stored value follows from the run's evidence.

        One that is not of every run may be missing of a model that was run before it was asked for.
        """
        if metric.tolerance is None or metric.column not in row:
            return False
        if metric is SCORE:
            return self._score_of_map(row["detector"])
        return metric.default or self._was_measured(metric, row)

    def _was_measured(self, metric: Metric, row: Row) -> bool:
        """Whether any row of the same models has a value."""
        rows = self.results.quality if metric.subject == "quality" else self.results.detection
        for model in ("inpainter", "detector"):
            rows = rows[rows[model] == row[model]] if model in row else rows
        return bool(rows[metric.column].notna().any())

    def _score_of_map(self, detector: str) -> bool:
        """Whether the image-level score is the mean of the map's top 1%, by the run's own card."""
        return self.results.record.detectors[detector].score.source == "top1-mean"

    def _sees_the_hole(self, inpainter: str) -> bool:
        return self.results.record.inpainters[inpainter].family == "control"

    def _picture(self, row: Row) -> Path:
        """The picture of a detection row, before post-processing; raises SubmissionError where there is none."""
        for made in self.quality.get(row["sample"], []):
            if (made["inpainter"], made["assembly"]) == (row["inpainter"], row["assembly"]):
                return self._file(made["composite"])
        raise SubmissionError("no picture of it is on record")

    def _file(self, relative: str) -> Path:
        """A file of the run's folder; raises SubmissionError where the name leads out of it."""
        path = (self.results.folder / relative).resolve()
        if not relative or not path.is_relative_to(self.results.folder.resolve()):
            raise SubmissionError(f"{relative!r} is no file of the run's folder")
        return path


def _aside(assembly: str, postprocess: str = NO_POSTPROCESS) -> str:
    """What is unusual of a row, after the inpainter's name."""
    unusual = [assembly] if assembly not in ("", SPLICED, RECEIVED) else []
    unusual += [] if postprocess == NO_POSTPROCESS else [f"after {postprocess}"]
    return f" ({', '.join(unusual)})" if unusual else ""


def _same(stored: float, again: float, allowed: float) -> bool:
    """Whether two figures agree; the same infinity and NaN do."""
    return stored == again or (math.isnan(stored) and math.isnan(again)) or abs(stored - again) <= allowed


def _read(reader: Any, path: Path) -> Any:
    return reader(path, path.read_bytes())


def _by_sample(frame: pd.DataFrame) -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for row in frame.to_dict("records"):
        rows.setdefault(row["sample"], []).append({str(key): value for key, value in row.items()})
    return rows
