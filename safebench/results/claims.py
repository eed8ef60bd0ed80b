"""What may be compared, and what may be said of it: the one rule for reports, leaderboards, charts and the terminal.

Compared are models that met the same: no control, every sample of the plan that could be read, and of inpainters all
the detectors (docs/protocol.md, section 10).  Ranked or named is who may be compared, on at least `MIN_PHOTOS` photos.
What is found of an inpainter is what the detector finds that finds most, in its pixels and in whole images: both count.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from safebench.protocol import ORIGINAL
from safebench.results.paired import compare_models
from safebench.results.results import Tables
from safebench.results.tables import ALL_BINS
from safebench.results.traces import IMAGE, PIXEL, Cell, at_chance, below_chance, strongest, trace
from safebench.results.words import Figure, plural

Place = tuple[str, str, str]
"""Data set, post-process, bin."""

MIN_PHOTOS = 20
"""With fewer nobody is ranked or named: it is also how many originals a threshold at 5% false alarms takes."""
SIGNIFICANT = 0.05
"""A paired difference settles an order where its p-value lies below."""
NO_POSTPROCESS = "none"
_INPUT_STEPS = ("read", "mask")
"""Steps in which a photo or a mask fails, and no model."""


@dataclass(frozen=True)
class Evidence:
    """What is found of one inpainter by the detectors that looked at it.

    pixel, image: the cells of the detectors that find most in its pixels and in whole images; `image` is None where
    no originals were scored.  at_chance: none of these detectors tells it from chance, in either way.
    """

    inpainter: str
    pixel: Cell
    image: Cell | None
    at_chance: bool


@dataclass(frozen=True)
class Order:
    """Whether the second of two inpainters is really found better: by the paired difference of one detector's AUC.

    Where two detectors find them best there is no such difference (NaN), and intervals that do not overlap settle it.
    Nothing does where a detector is misled.
    """

    settled: bool
    difference: Figure
    p: float


class Claims:
    """The rule, for the tables of one run or of like runs together."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables.of_one_assembly()

    def is_control(self, inpainter: str) -> bool:
        """Whether it is a reference whose answer is known, by its card."""
        model = self.tables.record.inpainters.get(inpainter)
        return model is not None and model.family == "control"

    # what a cell lacks -------------------------------------------------------------------------------------------

    @cached_property
    def planned(self) -> Counter[tuple[str, str]]:
        """How many samples the plan has, by data set and bin; authentic pictures that nobody forged are none."""
        samples = self.tables.samples
        return _by_bin(samples[samples["bin"] != ""])

    @cached_property
    def _given(self) -> dict[str, Counter[tuple[str, str]]]:
        """Of pictures that are given, how many each maker has, by maker; empty where inpainters make them."""
        if self.tables.record.pictures is None:
            return {}
        return {str(maker): _by_bin(rows) for maker, rows in self.tables.quality.groupby("inpainter")}

    def _wanted(self, cell: Cell) -> int:
        """How many pictures a cell can have: one of every sample, or all that were given of its maker."""
        return self._given.get(cell["inpainter"], self.planned)[cell["dataset"], cell["bin"]]

    @cached_property
    def _unread(self) -> dict[str, Counter[tuple[str, str]]]:
        """How many samples failed before any model, since their photo or mask could not be read: of all inpainters
        under "", and by maker of pictures that are given, which are files of their own."""
        keys = ["dataset", "bin", "sample", "inpainter"]
        frames = (self.tables.quality, self.tables.detection[self.tables.detection["inpainter"] != ORIGINAL])
        rows = pd.concat([frame.loc[frame["error_step"].isin(_INPUT_STEPS), keys] for frame in frames])
        by_maker = {name: _by_bin(rows[rows["inpainter"] == name].drop_duplicates()) for name in self._given}
        return {"": _by_bin(rows[keys[:3]].drop_duplicates()), **by_maker}

    def missing(self, cell: Cell) -> int:
        """How many samples of the plan a cell knows nothing of: of a run that was cut short, or changed since."""
        return max(0, self._wanted(cell) - int(cell["n"]) - int(cell["failures"]))

    def failed(self, cell: Cell) -> int:
        """How many images failed in a model's hands: those that could not be read are nobody's failures."""
        unread = self._unread.get(cell["inpainter"], self._unread[""])
        return max(0, int(cell["failures"]) - unread[cell["dataset"], cell["bin"]])

    def shortfall(self, cell: Cell) -> str:
        """What keeps a cell from being compared with whole ones: `3 of 54 images failed`; "" where nothing does."""
        lacking = [(self.failed(cell), "failed"), (self.missing(cell), "missing")]
        told = [f"{count:,} of {plural(self._wanted(cell), 'image')} {how}" for count, how in lacking if count]
        return ", ".join(told)

    def not_given(self, dataset: str, hole_bin: str, maker: str) -> str:
        """What keeps a maker of pictures that are given from being compared with others: it made none of some samples
        that others did.  "" where nothing does."""
        planned, given = self.planned[dataset, hole_bin], self._given.get(maker, self.planned)[dataset, hole_bin]
        return f"made pictures of {given:,} of {plural(planned, 'sample')}" if given < planned else ""

    @cached_property
    def _originals(self) -> dict[tuple[str, str, str], str]:
        """What a detector lacks of the untouched originals, by data set, post-process and detector."""
        samples = self.tables.samples
        photos = samples[samples["original"] != ""].groupby("dataset")["photo"].nunique()
        rows = self.tables.detection[self.tables.detection["inpainter"] == ORIGINAL]
        unread = rows[rows["error_step"].isin(_INPUT_STEPS)].groupby("dataset")["photo"].nunique()
        shortfalls = {}
        for cell in _records(self.tables.false_alarms):
            dataset = cell["dataset"]
            lacking = int(photos.get(dataset, 0)) - int(unread.get(dataset, 0)) - int(cell["n"])
            key = (dataset, cell["postprocess"], cell["detector"])
            shortfalls[key] = f"{plural(lacking, 'original')} failed or missing" if lacking > 0 else ""
        return shortfalls

    # who may be compared, ranked and named ------------------------------------------------------------------------

    def photos(self, cell: Cell) -> int:
        """How many independent photos stand behind a cell: crops of one photo count once, where the set says so."""
        independent = self.tables.record.photos.independent
        return int(cell["photos"]) if independent is None else min(int(cell["photos"]), independent)

    def enough(self, cell: Cell) -> bool:
        """Whether a cell's photos allow to rank and to name."""
        return self.photos(cell) >= MIN_PHOTOS

    def comparable(self, cell: Cell) -> bool:
        """Whether an inpainter's cell may stand against others of its data set, bin and detector."""
        given = not self.not_given(cell["dataset"], cell["bin"], cell["inpainter"])
        return given and not self.is_control(cell["inpainter"]) and not self.shortfall(cell)

    def ranked(self, cell: Cell) -> bool:
        """Whether an inpainter's cell may be called best, or second, of its data set, bin and detector."""
        return self.comparable(cell) and self.enough(cell)

    def detector_gap(self, cell: Cell) -> str:
        """What keeps a detector's cell from being compared with other detectors' on the same images."""
        return self.shortfall(cell) or self.originals_gap(cell)

    def originals_gap(self, cell: Cell) -> str:
        """What a cell's detector lacks of the untouched originals that others scored."""
        return self._originals.get((cell["dataset"], cell["postprocess"], cell["detector"]), "")

    @cached_property
    def _met(self) -> dict[Place, dict[str, dict[str, Cell]]]:
        """The cells by place, inpainter and detector."""
        met: dict[Place, dict[str, dict[str, Cell]]] = defaultdict(lambda: defaultdict(dict))
        for cell in _records(self.tables.detection_cells):
            place = (cell["dataset"], cell["postprocess"], cell["bin"])
            met[place][cell["inpainter"]][cell["detector"]] = cell
        return met

    def panel(self, place: Place) -> list[str]:
        """The detectors that an inpainter has to have met there: those that saw any inpainter's images in full.

        One that has learned from an inpainter's pictures is none of them, as it would not be the same to all.
        """
        return self._panels.get(place, [])

    @cached_property
    def _panels(self) -> dict[Place, list[str]]:
        """`panel` of every place."""
        in_full: dict[Place, set[str]] = {}
        for place, met in self._met.items():
            cells = (cell for by_detector in met.values() for cell in by_detector.values())
            in_full[place] = {cell["detector"] for cell in cells if not self.shortfall(cell)}
        return {place: sorted(names - self.learned) for place, names in in_full.items()}

    @cached_property
    def learned(self) -> set[str]:
        """The detectors that have learned from the pictures of an inpainter."""
        return {name for name, model in self.tables.record.detectors.items() if model.adapted}

    def gap(self, place: Place, inpainter: str) -> str:
        """What keeps an inpainter from being compared over all detectors: `met 1 of 2 detectors`; "" where nothing."""
        panel = self.panel(place)
        met = self._met.get(place, {}).get(inpainter, {})
        here = [name for name in panel if name in met]
        if not panel:
            return "no detector saw all images"
        if len(here) < len(panel):
            return f"met {len(here)} of {plural(len(panel), 'detector')}"
        if why := self.not_given(place[0], place[2], inpainter):
            return why
        lacking = ((name, self.shortfall(met[name])) for name in panel)
        return next((f"{why} before {name}" for name, why in lacking if why), "")

    @cached_property
    def seen_in_full(self) -> list[str]:
        """The inpainters that every detector saw in full under every condition, no controls: detectors are compared on
        their images together."""
        places = [place for place in self._met if place[2] == ALL_BINS]
        names = dict.fromkeys(name for place in places for name in self._met[place] if not self.is_control(name))
        return [
            name for name in names if not any(self.gap(place, name) for place in places if name in self._met[place])
        ]

    def unranked(self, place: Place) -> dict[str, str]:
        """What keeps each inpainter that detectors looked at from being ranked there, by name."""
        why = {name: self._why_unranked(place, name) for name in self._met.get(place, {})}
        return {name: reason for name, reason in why.items() if reason}

    def _why_unranked(self, place: Place, name: str) -> str:
        cells = [*self._met[place][name].values()]
        if self.is_control(name):
            return "a control"
        if not any(cell["n"] for cell in cells):
            return next(filter(None, map(self.shortfall, cells)), "none of its pictures could be read")
        return self.gap(place, name) or ("" if strongest(cells, PIXEL) else "no pixel AUC is known")

    # what is found -----------------------------------------------------------------------------------------------

    def place(self, dataset: str) -> Place:
        """All bins of a data set, without a post-process where there are such figures."""
        known = [place for place in self._met if place[0] == dataset and place[2] == ALL_BINS]
        plain = (dataset, NO_POSTPROCESS, ALL_BINS)
        return plain if plain in known or not known else known[0]

    def evidence(self, place: Place) -> list[Evidence]:
        """Of each inpainter that may be compared there, the least found by its pixels first."""
        ranked = []
        for name, met in self._met.get(place, {}).items():
            if self.is_control(name) or self.gap(place, name):
                continue
            cells = [met[detector] for detector in self.panel(place)]
            if (pixel := strongest(cells, PIXEL)) is not None:
                ranked.append(Evidence(name, pixel, strongest(cells, IMAGE), all(map(at_chance, cells))))
        return sorted(ranked, key=lambda candidate: (trace(candidate.pixel, PIXEL), candidate.inpainter))

    def order(self, first: Evidence, second: Evidence) -> Order:
        """Whether `second` is found better than `first`, in pixels, by more than chance."""
        a, b = first.pixel, second.pixel
        unpaired = Figure(math.nan), math.nan
        if below_chance(a, PIXEL) or below_chance(b, PIXEL):
            return Order(False, *unpaired)
        if a["detector"] != b["detector"]:
            return Order(bool(a[f"{PIXEL}_high"] < b[f"{PIXEL}_low"]), *unpaired)
        return self._paired(self.tables.detection, b, a, PIXEL)

    def quality_order(self, first: Cell, second: Cell, metric: str) -> Order:
        """Whether two inpainters really differ in a metric of quality, on the same samples."""
        return self._paired(self.tables.quality, first, second, metric)

    def _paired(self, rows: pd.DataFrame, a: Cell, b: Cell, metric: str) -> Order:
        """Two cells that differ by their inpainter, on the images that both have."""
        wanted = rows["inpainter"].isin([a["inpainter"], b["inpainter"]])
        for key in ("dataset", "postprocess", "detector", "bin"):
            if key in rows and a[key] != ALL_BINS:
                wanted &= rows[key] == a[key]
        columns = rows.columns.intersection(["dataset", "inpainter", "photo", "sample", "error", metric])
        [pair] = _records(compare_models(rows.loc[wanted, columns], a["inpainter"], b["inpainter"], metric))
        return Order(pair["p"] < SIGNIFICANT, Figure(pair["difference"], pair["low"], pair["high"]), pair["p"])


def _by_bin(samples: pd.DataFrame) -> Counter[tuple[str, str]]:
    bins = zip(samples["dataset"], samples["bin"], strict=True)
    return Counter(bins) + Counter((dataset, ALL_BINS) for dataset in samples["dataset"])


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
