"""Networks that were saved inside something else: compiled, in parallel, as a running average, beside counters.

Their keys are the network's own behind others (`module.`, `_orig_mod.`, `ema.`).  What was wrapped is only taken for
the network where nothing of it is left over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ANYWHERE = ("_orig_mod", "module")
"""What torch.compile and DataParallel put before the keys of whatever they are put around, a part in the middle too."""
COUNTERS = ("n_averaged", "num_updates", "decay", "initted", "step", "updates")
"""What running averages keep beside the network."""
WRAPPINGS = 8
"""Ways of one kind that are tried, at most; a file could ask for as many as it has keys."""


@dataclass(frozen=True)
class Wrapped:
    """A way to find a network in a state: its tensors by their own keys, how one key of the state was read, and whether
    something else is left in the state."""

    tensors: Mapping[str, Any]
    stored: str
    read: str
    rest: bool


def ways(state: Mapping[str, Any], wanted: Mapping[str, Any], expected: str, skip: Sequence[str]) -> list[Wrapped]:
    """Every way in which keys of a state are those of a network, all of them, behind something else.

    wanted: the network's own state.  expected: a prefix behind which its file is known to keep it among others.
    skip: beginnings of keys (the network's own) that are passed over.  Shapes are not compared.
    """
    wrapped: dict[frozenset[str], Wrapped] = {}
    tables = {"": state} | {f"{key}: ": held for key, held in state.items() if isinstance(held, Mapping)}
    for outer, table in tables.items():
        for dropped in (ANYWHERE[:0], ANYWHERE[:1], ANYWHERE):
            named = {_without(str(key), dropped): str(key) for key in table}
            if len(named) < len(table):
                continue  # two keys became one
            for prefix in _prefixes(named, wanted):
                inner = {key.removeprefix(prefix): key for key in named if key.startswith(prefix)}
                taken = {key: named[full] for key, full in inner.items() if _counts(key, wanted, skip)}
                known = bool(expected) and prefix.endswith(expected)
                rest = not (known or outer) and any(not (k.startswith(prefix) or k in COUNTERS) for k in named)
                if not _same(taken, wanted):
                    continue
                anchor = next(iter(taken))
                tensors = {key: table[stored] for key, stored in taken.items()}
                wrapped.setdefault(
                    frozenset(outer + stored for stored in taken.values()),
                    Wrapped(tensors, outer + taken[anchor], anchor, rest),
                )
    return list(wrapped.values())


def _without(key: str, dropped: Sequence[str]) -> str:
    return ".".join(part for part in key.split(".") if part not in dropped) if dropped else key


def _prefixes(named: Mapping[str, str], wanted: Mapping[str, Any]) -> Iterator[str]:
    """What stands before a key of the network's own in the keys of a state, the empty text too."""
    anchor = max(wanted, key=len, default="")
    prefixes = (key.removesuffix(anchor) for key in named if key == anchor or key.endswith(f".{anchor}"))
    yield from (prefix for prefix, _ in zip(prefixes, range(WRAPPINGS), strict=False))


def _counts(key: str, wanted: Mapping[str, Any], skip: Sequence[str]) -> bool:
    return key in wanted or not (key in COUNTERS or key.startswith(tuple(skip)))


def _same(taken: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    missing = {key for key in wanted if key not in taken and not key.endswith("num_batches_tracked")}
    return not missing and all(key in wanted for key in taken)
