"""A run's results as tables: what is stored, and what the reports show."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import pandas as pd

from safebench.errors import StoreError
from safebench.files import as_text, expanded
from safebench.metrics.catalogue import measured
from safebench.metrics.lpips import NETWORK as LPIPS_NETWORK
from safebench.metrics.metric import Metric
from safebench.protocol import NO_POSTPROCESS, ORIGINAL, RECEIVED, REGENERATED, SPLICED
from safebench.results import tables
from safebench.results.features import FeatureFiles
from safebench.runs.record import ModelRecord, RunRecord
from safebench.runs.schema import Table
from safebench.runs.store import Store


class Tables:
    """Rows, and the tables made of them.

    record: what run.json says.
    stores: the folders of the runs that the rows are of, by the column `run`, or one under "".
    samples: the plan, one row for each photo and bin (columns: `safebench.runs.schema.SAMPLES`).
    quality: one row for each sample, inpainter and assembly (columns: `safebench.runs.schema.columns`), in the plan's
        order; LPIPS is absent where no backbone was at hand.
    detection: one row for each sample, inpainter, assembly, post-process and detector (columns likewise); untouched
        originals stand under the inpainter "original".
    """

    def __init__(
        self,
        record: RunRecord,
        samples: pd.DataFrame,
        quality: pd.DataFrame,
        detection: pd.DataFrame,
        stores: Mapping[str, Store] | None = None,
    ) -> None:
        self.record = record
        self.samples = samples
        self.quality = quality
        self.detection = detection
        self._stores = stores or {}

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What was measured, in the catalogue's order; without metrics of packages that are not installed here."""
        return measured(self.record.config.metrics if self.record.config else ())

    @property
    def features(self) -> FeatureFiles | None:
        """What the pictures left behind; None where no metric asks for it, or no folder is known."""
        if not self._stores or not any(metric.feature for metric in self.metrics):
            return None
        originals = dict(zip(self.samples["photo"], self.samples["original"], strict=True))
        return FeatureFiles(self.metrics, self._stores, originals)

    def by_assembly(self) -> dict[str, Tables]:
        """The same for each assembly by itself, spliced pictures first: no figure mixes them; originals are in all."""
        names = [name for name in (SPLICED, REGENERATED, RECEIVED) if (self.quality["assembly"] == name).any()]
        if len(names) < 2:
            return {(names or [SPLICED])[0]: self}
        found = {}
        for name in names:
            rows = [frame[frame["assembly"].isin((name, ""))] for frame in (self.quality, self.detection)]
            quality, detection = (frame.reset_index(drop=True) for frame in rows)
            found[name] = Tables(self.record, self.samples, quality, detection, self._stores)
        return found

    def of_one_assembly(self) -> Tables:
        """The same without whole pictures, where there are spliced ones: for what holds one figure of an inpainter."""
        return next(iter(self.by_assembly().values()))

    @cached_property
    def quality_cells(self) -> pd.DataFrame:
        """Means with intervals for each dataset, inpainter, assembly and bin (`results.tables.quality_cells`)."""
        return tables.quality_cells(self.quality, self.metrics, self.features)

    @cached_property
    def detection_cells(self) -> pd.DataFrame:
        """Means with intervals for each dataset, inpainter, condition, detector and bin (`results.tables`)."""
        return tables.detection_cells(self.detection, self.metrics, self.features)

    @cached_property
    def false_alarms(self) -> pd.DataFrame:
        """What each detector says of untouched originals (`safebench.results.tables.false_alarms`)."""
        return tables.false_alarms(self.detection, self.metrics)

    @cached_property
    def failures(self) -> pd.DataFrame:
        """One row for each thing that failed: step, photo, sample, inpainter, assembly, postprocess, detector, error.

        A photo that could not be read counts once, however many samples it would have made.
        """
        columns = ["error_step", "photo", "sample", "inpainter", "assembly", "postprocess", "detector", "error"]
        parts = [frame[frame["error"] != ""] for frame in (self.quality, self.detection)]
        rows = pd.concat([part.reindex(columns=columns) for part in parts], ignore_index=True)
        blank = {
            "read": ["sample", "inpainter", "assembly", "postprocess", "detector"],
            "mask": ["inpainter", "assembly", "postprocess", "detector"],
            "inpaint": ["assembly", "postprocess", "detector"],
            "quality": ["postprocess", "detector"],
            "postprocess": ["detector"],
        }
        for step, names in blank.items():
            rows.loc[rows["error_step"] == step, names] = ""
        return rows.fillna("").drop_duplicates().reset_index(drop=True)


class Results(Tables):
    """The results in a run's folder, for its plan and the latest identity of each model, as they were when opened.

    folder: the run's folder.  What else it holds: see `Tables`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._store = Store(folder)
        record = self._store.read_record()
        if record is None:
            raise StoreError(f"{folder}: is no run's folder (it holds no run.json)")
        self.record = record
        if not (folder / "samples.parquet").exists():
            raise StoreError(
                f"{folder}: lacks its plan (samples.parquet); the command that made the run writes it again"
            )
        self.samples = self._store.read_samples()
        quality = self._current("quality")
        detection = self._current("detection")
        absent = [column for column in self._of_lpips(quality) if quality[column].isna().all()]
        super().__init__(record, self.samples, quality.drop(columns=absent), detection, {"": self._store})

    @property
    def name(self) -> str:
        """The run's name: its folder's."""
        return as_text(self.folder.resolve().name)

    def _current(self, table: Table) -> pd.DataFrame:
        """The rows of the present plan and of each model's latest identity, in the plan's order."""
        rows = self._store.read(table)
        plan = self.samples
        order = {key: k for k, key in enumerate([*plan["key"], *plan["photo_key"]])}
        known = {"inpainter": {ORIGINAL: "", **_identities(self.record.inpainters)}}
        if table == "detection":
            known["detector"] = _identities(self.record.detectors)
            known["postprocess"] = {NO_POSTPROCESS: "", **_identities(self.record.postprocessing)}
        keep = rows["sample_key"].isin(order)
        for column, identities in known.items():
            keep &= rows[f"{column}_id"] == rows[column].map(identities)
        rows = rows if keep.all() else rows[keep]
        if table == "quality":
            rows = self._one_backbone(rows)
        names = [column for column in ("inpainter", "assembly", "postprocess", "detector") if column in rows]
        # chosen and ordered by few columns, so that the many texts of a row are copied once
        light = rows[names].assign(_place=rows["sample_key"].map(order)).drop_duplicates(keep="last")
        chosen = light.sort_values([*names, "_place"], kind="stable").index
        return rows.loc[chosen].reset_index(drop=True)

    def _one_backbone(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of the run's LPIPS backbone come last, so that they win; what others gave is no figure of this run."""
        ours = rows["lpips_net"] == self.record.lpips_net
        known = ours & (rows["lpips_net"] != "")
        rows = rows.assign(**{column: rows[column].where(known) for column in self._of_lpips(rows)})
        return pd.concat([rows[~ours], rows[ours]])

    def _of_lpips(self, rows: pd.DataFrame) -> list[str]:
        """The columns whose figures depend on the LPIPS backbone."""
        return [m.column for m in self.metrics if LPIPS_NETWORK in m.needs and m.column in rows]


def open_run(folder: str | Path) -> Results:
    """Open the results in a run's folder; raises StoreError where it is none, ConfigError for what is no path."""
    return Results(expanded(folder))


def _identities(models: Mapping[str, ModelRecord]) -> dict[str, str]:
    return {name: model.identity for name, model in models.items()}
