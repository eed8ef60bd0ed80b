"""Draws free-form holes: strokes that wander, dashes, loops and blots, as NVIDIA's irregular masks hold.

Nothing here depends on the machine: random draws come from `random.Random.random`, whose sequence Python guarantees,
and directions turn by rational rotations, without sines.
"""

from __future__ import annotations

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

    def free_point(self, draw: random.Random) -> tuple[int, int]:
        """A random pixel inside the margin that is no hole yet."""
        inner = self.hole[self.margin : self.size - self.margin, self.margin : self.size - self.margin]
        free = np.flatnonzero(~inner)
        y, x = divmod(int(free[int(draw.random() * len(free))]), inner.shape[1])
        return y + self.margin, x + self.margin


@dataclass(frozen=True)
class Brush:
    """What the strokes of one mask have in common; lengths in pixels."""

    radius: float
    length: float
    straight: float
    """0 to 1: how little the strokes wander."""
    dashes: float
    """The share of strokes that are broken into dashes."""
    loops: float
    """The share of strokes that close to a loop, as outlines of objects do."""
    blots: float
    """The share of strokes that are blots."""
    clustered: float
    """The share of strokes that begin near the last one."""


def fill(canvas: Canvas, brush: Brush, draw: random.Random) -> None:
    """Draw strokes until the canvas is full."""
    heading = _direction(draw)
    point: tuple[float, float] = canvas.free_point(draw)
    while not canvas.full:
        y, x = point if draw.random() < brush.clustered else canvas.free_point(draw)
        canvas.stamp(y, x, max(1, round(brush.radius)))
        if draw.random() < 0.7 * brush.straight:  # lines of one scene run along its two main directions
            dy, dx = heading if draw.random() < 0.6 else (heading[1], -heading[0])
        else:
            dy, dx = _direction(draw)
        point = _stroke(canvas, brush, draw, (y, x), (dy, dx))
        if not canvas.hole.any() or draw.random() < 0.3:
            point = canvas.free_point(draw) if not canvas.full else point


def _stroke(
    canvas: Canvas, brush: Brush, draw: random.Random, start: tuple[float, float], heading: tuple[float, float]
) -> tuple[float, float]:
    """One stroke from `start`; returns where the next one of its cluster begins."""
    y, x = start
    dy, dx = heading
    kind = draw.random()
    blot, loop = kind < brush.blots, brush.blots <= kind < brush.blots + brush.loops
    length = brush.length * (0.3 + 1.4 * draw.random())
    base = brush.radius * (2.5 + 3 * draw.random()) if blot else brush.radius
    width = base
    dashed = draw.random() < brush.dashes
    drawn, bend = True, (1 if draw.random() < 0.5 else -1) * (3.2 / length if loop else 0.0)
    wander = 0.02 + 0.3 * (1 - brush.straight) * draw.random()
    travelled = 0.0
    end = 0.5 * base if blot else length
    while travelled < end and not canvas.full:
        step = max(1.0, 0.5 * width)
        if drawn:
            canvas.stamp(y, x, max(1, round(width)))
        if dashed and draw.random() < 0.35 * step / base:
            drawn = not drawn
        width = min(1.5 * base, max(0.6 * base, width * (0.88 + 0.24 * draw.random())))
        dy, dx = _turn(dy, dx, bend * step + wander * (2 * draw.random() - 1))
        y, x = y + step * dy, x + step * dx
        if not (0 <= y < canvas.size and 0 <= x < canvas.size):
            break
        travelled += step
    spread = 6 * brush.radius
    return start[0] + spread * (2 * draw.random() - 1), start[1] + spread * (2 * draw.random() - 1)


def _direction(draw: random.Random) -> tuple[float, float]:
    """A unit vector, evenly among all directions."""
    while True:
        y, x = 2 * draw.random() - 1, 2 * draw.random() - 1
        if 0.01 < (square := y * y + x * x) <= 1:
            return y / square**0.5, x / square**0.5


def _turn(y: float, x: float, half: float) -> tuple[float, float]:
    """Rotate by the angle whose half has the tangent `half`."""
    cosine, sine = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    return cosine * y + sine * x, cosine * x - sine * y


@cache
def _distances(radius: int) -> NDArray[np.int64]:
    """Squared distances from the centre of a square with `radius` pixels to each side."""
    offsets = np.arange(-radius, radius + 1) ** 2
    return offsets[:, None] + offsets[None, :]
