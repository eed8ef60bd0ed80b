"""What a metric is: all that tables, reports and checks have to know of it, in one object.

Each metric is a file of this package and one line of `catalogue`; a third party's is an entry point in the group
`safebench.metrics` that names its object.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from safebench.errors import PluginError
from safebench.metrics.feature import Feature, Network

Level = Literal["picture", "cell"]
Subject = Literal["quality", "localisation", "detection"]
Better = Literal["low", "high", ""]
View = Literal["inpainter", "detector"]
Place = Literal["terminal", "report", "leaderboard", "head to head"]

VIEWS: tuple[View, ...] = ("inpainter", "detector")
"""Whose eyes a table is read with (docs/protocol.md, section 7)."""
EVERYWHERE: frozenset[Place] = frozenset(("terminal", "report", "leaderboard", "head to head"))
_AT_HAND = frozenset(("composite", "original", "hole", "map", "score", "scores", "controls"))
"""Evidence that every run has."""
_KEY = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Metric:
    """One metric.

    key: what it is called in tables and by `--metrics`: lower case, digits and underscores.
    name, unit, meaning: as people read them; the meaning is a sentence or two.
    level: `picture`: one value a picture, averaged over those of a cell; `cell`: one value of a cell's pictures.
    subject: `quality` is the composites' own; `localisation` and `detection` are a detector's, of maps and of scores.
    compute: the value, NaN where there is none; of a `CompositeEvidence` (a picture's quality), a `MapEvidence` (what a
        detector said of a picture), or a `CellEvidence` (level `cell`), all of `safebench.metrics.evidence`.
    needs: names of the evidence that it rests on (see the evidence's `held`); without it the value is NaN.
    better: which way is better for the inpainter; "" where neither is.
    better_for_detector: the same for a detector; None: the other way round, and neither for quality.
    digits: decimals shown.
    chance: where guessing lands.  An inpainter hides best at it, not below: see `trace`.
    undefined: as what pictures without a finite value are counted, none of which is averaged in: `infinite` (PSNR of
        identical pictures) or `undefined`; "" where there are none.
    tolerance: how far a stored value may lie from the one computed again from stored evidence; None where it cannot be.
    column: the stored column that is averaged, where several metrics share one; default: the key.
    over: `originals`: taken over untouched photos, a detector's false alarms.
    interval: whether its mean has a 95% interval; of a metric over a cell, whether `resample` says how.
    feature: of a metric over a cell, what each picture leaves behind for it.
    network: what it needs beside the pictures.
    resample: of a metric over a cell, the statistic that the bootstrap computes anew, and the place of the value in it.
    share: of what it is a share, so that its interval holds where every resample gives the same (docs/protocol.md, 6):
        `pictures`, or `pairs` of a picture and an original.
    default: whether it is measured without being asked for.
    shown: where a reader sees it before choosing.
    """

    key: str
    name: str
    meaning: str
    subject: Subject
    compute: Callable[[Any], float]
    needs: frozenset[str]
    level: Level = "picture"
    better: Better = ""
    better_for_detector: Better | None = None
    unit: str = ""
    digits: int = 3
    chance: float | None = None
    undefined: Literal["infinite", "undefined", ""] = ""
    tolerance: float | None = None
    column: str = ""
    over: Literal["inpainted", "originals"] = "inpainted"
    interval: bool = True
    feature: Feature | None = None
    network: Network | None = None
    resample: Callable[[Any], tuple[Any, int]] | None = None
    share: Literal["pictures", "pairs", ""] = ""
    default: bool = False
    shown: frozenset[Place] = EVERYWHERE

    def __post_init__(self) -> None:
        """Fill in `column`; raises PluginError for a key or column that no table could hold."""
        if not self.column:
            object.__setattr__(self, "column", self.key)
        for name in (self.key, self.column):
            if not _KEY.fullmatch(name):
                raise PluginError(f"metric '{name}': a key has lower-case letters, digits and underscores only")
        if self.level == "cell":
            object.__setattr__(self, "interval", self.resample is not None)

    @property
    def everywhere(self) -> bool:
        """Whether every run has it: measured without being asked for, and without a network."""
        return self.default and self.needs <= _AT_HAND

    @property
    def label(self) -> str:
        """The name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def count_column(self) -> str:
        """The column of a table that counts the pictures without a finite value; "" where there are none."""
        return f"{self.key}_{self.undefined}" if self.undefined else ""

    @property
    def undefined_text(self) -> str:
        """What is said of those pictures."""
        return {"infinite": "identical", "undefined": "undefined", "": ""}[self.undefined]

    def trace(self, value: float) -> float:
        """How much was found, however the detector is turned: a value below chance counts as far above it."""
        return value if self.chance is None else self.chance + abs(value - self.chance)

    def better_for(self, view: View) -> Better:
        """Which way is better, seen from an inpainter or from a detector; quality is the inpainter's alone."""
        if view == "inpainter":
            return self.better
        if self.better_for_detector is not None:
            return self.better_for_detector
        if self.subject == "quality" or not self.better:
            return ""
        return "high" if self.better == "low" else "low"
