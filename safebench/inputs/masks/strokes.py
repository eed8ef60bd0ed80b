"""Draws free-form holes: strokes that wander, dashes, loops and blots, as NVIDIA's irregular masks hold.

Nothing here depends on the machine: random draws come from `random.Random.random`, whose sequence Python guarantees,
and directions turn by rational rotations, without sines.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray


@dataclass
class Canvas:
    """A hole that grows up to just `target` pixels, inside a margin of `margin` pixels that stays free.

    hole: bool `size` x `size`, True = hole.
    """

    size: int
    margin: int
    target: int

    def __post_init__(self) -> None:
        self.hole = np.zeros((self.size, self.size), np.bool_)
        self.count = 0

    @property
    def full(self) -> bool:
        """Whether the hole has its `target` of pixels."""
        return self.count >= self.target

    def stamp(self, y: float, x: float, radius: int) -> None:
        """Add a disc; of the last one only the pixels nearest to its centre, so that the target is met exactly."""
        low, high = self.margin, self.size - self.margin
        top, left = round(y) - radius, round(x) - radius
        rows = slice(max(top, low), min(top + 2 * radius + 1, high))
        columns = slice(max(left, low), min(left + 2 * radius + 1, high))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        distance = _distances(radius)[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        region = self.hole[rows, columns]
        fresh = (distance <= radius * radius) & ~region
        gained = int(np.count_nonzero(fresh))
        if (missing := self.target - self.count) < gained:
            nearest = np.argsort(np.where(fresh, distance, distance.max() + 1), axis=None, kind="stable")[:missing]
            fresh = np.zeros_like(fresh)
            fresh.flat[nearest] = True
            gained = missing
        region |= fresh
        self.count += gained

    def holds(self, y: float, x: float) -> bool:
        """Whether a point lies on the canvas."""
        return 0 <= y < self.size and 0 <= x < self.size

    def is_free(self, y: int, x: int) -> bool:
        """Whether a pixel lies inside the margin and is no hole yet."""
        low, high = self.margin, self.size - self.margin
        return low <= y < high and low <= x < high and not self.hole[y, x]

    def free_point(self, draw: random.Random) -> tuple[int, int]:
        """A random pixel inside the margin that is no hole yet."""
        inner = self.hole[self.margin : self.size - self.margin, self.margin : self.size - self.margin]
        free = np.flatnonzero(~inner)
        y, x = divmod(int(free[int(draw.random() * len(free))]), inner.shape[1])
        return y + self.margin, x + self.margin


@dataclass(frozen=True)
class Brush:
    """What the strokes of one mask have in common; lengths in pixels, the others are shares of 1."""

    radius: float
    length: float
    straight: float
    """How little the strokes wander, and how many of them run along the two main directions."""
    dashes: float
    """The share of strokes that are broken into dashes."""
    loops: float
    """The share of strokes that close to a loop, as outlines of objects do."""
    blots: float
    """The share of strokes that are blots."""
    clustered: float
    """The share of strokes that begin near the one before."""


@dataclass(frozen=True)
class _Stroke:
    radius: float
    length: float
    bend: float
    """Tangent of half the angle that it turns by for each pixel of its length."""
    wander: float
    """Tangent of half the largest angle that it turns by at random, for each step."""
    dashed: bool


def fill(canvas: Canvas, brush: Brush, draw: random.Random) -> None:
    """Draw strokes until the canvas is full; each adds at least a pixel."""
    main = _direction(draw)
    y, x = begin = canvas.free_point(draw)
    while not canvas.full:
        near = draw.random() < brush.clustered
        spread = 6 * brush.radius
        begin = round(y + spread * (2 * draw.random() - 1)), round(x + spread * (2 * draw.random() - 1))
        if not near or not canvas.is_free(*begin):
            begin = canvas.free_point(draw)
        y, x = begin
        heading = _direction(draw)
        if draw.random() < 0.7 * brush.straight:  # the lines of one scene run along two directions
            heading = main if draw.random() < 0.6 else (main[1], -main[0])
        _draw_stroke(canvas, _stroke(brush, draw), begin, heading, draw)


def _stroke(brush: Brush, draw: random.Random) -> _Stroke:
    kind = draw.random()
    length = brush.length * (0.3 + 1.4 * draw.random())
    dashed = draw.random() < brush.dashes
    if kind < brush.blots:
        return _Stroke(
            brush.radius * (1.3 + 1.2 * draw.random()), brush.radius * (3 + 9 * draw.random()), 0, 1.5, False
        )
    if kind < brush.blots + brush.loops:
        length *= 2
        turn = 3.2 if draw.random() < 0.5 else -3.2
        return _Stroke(brush.radius, length, turn / length, 0.15 + 0.35 * draw.random(), dashed)
    return _Stroke(brush.radius, length, 0, 0.02 + 0.35 * (1 - brush.straight) * draw.random(), dashed)


def _draw_stroke(
    canvas: Canvas, stroke: _Stroke, begin: tuple[float, float], heading: tuple[float, float], draw: random.Random
) -> None:
    (y, x), (dy, dx) = begin, heading
    radius, travelled, drawn = stroke.radius, 0.0, True
    while not canvas.full and travelled <= stroke.length and canvas.holds(y, x):
        if drawn:
            canvas.stamp(y, x, max(1, round(radius)))
        step = max(1.0, 0.5 * radius)
        if stroke.dashed and draw.random() < 0.35 * step / stroke.radius:
            drawn = not drawn
        radius = min(1.5 * stroke.radius, max(0.6 * stroke.radius, radius * (0.88 + 0.24 * draw.random())))
        bend = stroke.bend * step * 2 * draw.random()
        dy, dx = _turn(dy, dx, bend + stroke.wander * (2 * draw.random() - 1))
        y, x, travelled = y + step * dy, x + step * dx, travelled + step


def _direction(draw: random.Random) -> tuple[float, float]:
    """A unit vector, evenly among all directions."""
    while True:
        y, x = 2 * draw.random() - 1, 2 * draw.random() - 1
        if 0.01 < (square := y * y + x * x) <= 1:
            return y / math.sqrt(square), x / math.sqrt(square)


def _turn(y: float, x: float, half: float) -> tuple[float, float]:
    """Rotate by the angle whose half has the tangent `half`."""
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    return cosine * y + sine * x, cosine * x - sine * y


@cache
def _distances(radius: int) -> NDArray[np.int64]:
    """Squared distances from the centre of a square with `radius` pixels to each side."""
    offsets = np.arange(-radius, radius + 1) ** 2
    return offsets[:, None] + offsets[None, :]
