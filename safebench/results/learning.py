"""Detectors that go on learning from an inpainter's pictures: their curves, and how many it takes until it is found.

A detector that has learned is a row of its own (`safebench.models.adapted`).  Its curve are the pixel AUCs on the
pictures of that inpainter, all bins together, over how many pictures it had seen; at 0 it is as it was.  An inpainter
is found where the AUC is 0.8.  Between two points the curve is taken to be straight over log(1 + pictures).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from safebench.results.claims import Claims
from safebench.results.tables import ALL_BINS
from safebench.results.traces import PIXEL, Cell
from safebench.results.verdict import Name, Sentence, Verdict
from safebench.results.words import Figure, figure, told
from safebench.runs.record import RunRecord

FOUND = 0.8
"""The pixel AUC from which on an inpainter counts as found."""


@dataclass(frozen=True)
class Curve:
    """A detector over the pictures of one inpainter that it has seen.

    cells: its row of the tables for each number of pictures, from few to many; 0 is the detector as it was.
    """

    dataset: str
    postprocess: str
    detector: str
    inpainter: str
    cells: Mapping[int, Cell]

    @property
    def most(self) -> int:
        """The largest number of pictures that was tried."""
        return max(self.cells)

    @property
    def needed(self) -> Figure:
        """How many pictures it takes until the inpainter is found: 0 where it is found already, infinite where none of
        the numbers tried are enough, NaN where the detector as it was is not known.

        The ends are where the upper and the lower ends of the AUC's intervals reach it.
        """
        if 0 not in self.cells:
            return Figure(math.nan)
        figures = [(count, figure(cell, PIXEL) or Figure(math.nan)) for count, cell in self.cells.items()]
        value, low, high = (
            crossing([(count, auc[end]) for count, auc in figures])
            for end in (0, 2, 1)  # a higher AUC needs fewer
        )
        return Figure(value, low, high)

    @property
    def text(self) -> str:
        """How many pictures it takes, as people read it: `230 [120, >2,000]`."""
        return needed_text(self.needed, self.most)


def needed_text(needed: Figure, most: int) -> str:
    """`0`, `230 [120, 640]`, `>2,000`; a dash where it is not known."""

    def count(value: float) -> str:
        return "–" if math.isnan(value) else f">{most:,}" if math.isinf(value) else f"{math.ceil(value):,}"

    ends = "" if math.isnan(needed.low) or math.isnan(needed.high) else f"[{count(needed.low)}, {count(needed.high)}]"
    return f"{count(needed.value)} {ends}" if ends and len(set(needed)) > 1 else count(needed.value)


def crossing(points: Sequence[tuple[int, float]]) -> float:
    """The first abscissa at which a curve reaches `FOUND`; infinite where it does not, NaN where a value is missing.

    points: number of pictures and AUC, from few to many; straight over log(1 + pictures) between two.
    """
    if any(math.isnan(auc) for _, auc in points):
        return math.nan
    for k, (count, auc) in enumerate(points):
        if auc < FOUND:
            continue
        if k == 0:
            return float(count)
        before, lower = points[k - 1]
        start, end = math.log1p(before), math.log1p(count)
        return math.expm1(start + (end - start) * (FOUND - lower) / (auc - lower))
    return math.inf


def learning_curves(cells: Iterable[Cell], record: RunRecord) -> list[Curve]:
    """The curves of a run, in its order: on the pictures of the inpainter that each detector has learned from.

    cells: rows of `safebench.results.tables.detection_cells`.
    """
    by_key = {_key(cell): cell for cell in cells if cell["bin"] == ALL_BINS}
    places = dict.fromkeys((cell_key[0], cell_key[1]) for cell_key in by_key)
    return [
        Curve(dataset, postprocess, detector, inpainter, held)
        for dataset, postprocess in places
        for (detector, inpainter), names in learned(record).items()
        if len(
            held := {
                n: by_key[key]
                for n, name in names.items()
                if (key := (dataset, postprocess, inpainter, name)) in by_key
            }
        )
        > 1
    ]


def learned(record: RunRecord) -> dict[tuple[str, str], dict[int, str]]:
    """Of each detector and the inpainter that it learned from, its names by how many pictures it had seen."""
    by_pair: dict[tuple[str, str], dict[int, str]] = {}
    for name, model in record.detectors.items():
        if (adapted := model.adapted) is None:
            continue
        names = by_pair.setdefault((adapted.detector, adapted.inpainter), {})
        names[adapted.pictures] = name
        before = record.detectors.get(adapted.detector)
        if before is not None and before.weights_sha256 == adapted.start:
            names[0] = adapted.detector
    return {pair: dict(sorted(names.items())) for pair, names in by_pair.items()}


def hardest_first(curves: Iterable[Curve], claims: Claims) -> list[tuple[int, Curve]]:
    """The curves with their places: of each detector, the inpainter that takes most pictures to be found first.

    Equal numbers share a place.  0 for who takes none: one alone, controls, and who may not be ranked
    (docs/protocol.md, 10).
    """
    ordered = sorted(curves, key=lambda curve: (curve.dataset, curve.postprocess, curve.detector, -_order(curve)))
    return [(_place(curve, ordered, claims), curve) for curve in ordered]


def said_of(curves: Iterable[Curve]) -> Iterator[Verdict]:
    """A sentence for each curve: how many pictures it takes until the inpainter is found."""
    for curve in curves:
        first, last = (told(figure(curve.cells[n], PIXEL) or Figure(math.nan)) for n in (min(curve.cells), curve.most))
        needed = curve.needed.value
        if math.isnan(needed):
            continue
        if needed == 0:
            text = f"{{}} finds {{}} as it is (pixel AUC {first})"
        elif math.isinf(needed):
            after = f"after {curve.most:,} of its pictures (pixel AUC {first} before, {last} after)"
            text = f"{{}} does not find {{}} {after}"
        else:
            text = f"{{}} finds {{}} (pixel AUC {FOUND}) once it has seen {curve.text} of its pictures"
        yield [Sentence(f"{text}.", (Name(curve.detector), Name(curve.inpainter)))]


def _place(curve: Curve, curves: Sequence[Curve], claims: Claims) -> int:
    rivals = [
        other
        for other in curves
        if (other.dataset, other.postprocess, other.detector) == (curve.dataset, curve.postprocess, curve.detector)
        and all(claims.ranked(cell) for cell in other.cells.values())
        and not math.isnan(other.needed.value)
    ]
    if len(rivals) < 2 or curve not in rivals:
        return 0
    return 1 + sum(_order(other) > _order(curve) for other in rivals)


def _order(curve: Curve) -> float:
    return -1 if math.isnan(curve.needed.value) else curve.needed.value


def _key(cell: Cell) -> tuple[str, str, str, str]:
    return cell["dataset"], cell["postprocess"], cell["inpainter"], cell["detector"]
