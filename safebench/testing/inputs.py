"""Made-up photos and holes for the contract suites."""

from __future__ import annotations

import numpy as np

from safebench.models.calling import Holes, Photos
from safebench.models.cards import Card


def sizes(card: Card) -> list[tuple[int, int]]:
    """Heights and widths that a model has to take by its card: its only one, or a few, one of them odd."""
    rule = card.input
    if rule.fixed_size is not None:
        return [rule.fixed_size]
    unit = rule.multiple_of
    low = max(rule.smallest_side, 64)
    return [
        (_up(low, unit), _up(low, unit)),
        (_up(low + 3, unit), _up(low + 30, unit)),
    ]


def photos(count: int, size: tuple[int, int], seed: int = 0) -> Photos:
    """Smooth colours, a textured band and sensor-like noise, each image different."""
    rng = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[0:height, 0:width] / max(size)
    batch = []
    for _ in range(count):
        a, b, c, d = rng.uniform(0.5, 6, 4)
        base = np.stack([np.sin(a * x + b * y), np.cos(c * x - a * y), np.sin(d * x * y + b)], axis=-1)
        texture = np.sin(40 * x + 25 * a * y)[..., None] * (y[..., None] > 0.5) * 0.3
        noise = rng.normal(0, 0.03, (height, width, 3))
        batch.append(np.clip(0.5 + 0.3 * base + texture * 0.3 + noise, 0, 1))
    return np.rint(np.stack(batch) * 255).astype(np.uint8)


def holes(count: int, size: tuple[int, int]) -> Holes:
    """A block and a stroke in each mask, about a sixth of the image, at different places."""
    height, width = size
    masks = np.zeros((count, height, width), dtype=bool)
    for k, mask in enumerate(masks):
        top, left = height // 4 + k, width // 5 + 2 * k
        mask[top : top + height // 3, left : left + width // 3] = True
        mask[3 * height // 4 : 3 * height // 4 + max(2, height // 16), width // 8 : -width // 8] = True
    return masks


def _up(value: int, unit: int) -> int:
    return -(-value // unit) * unit
