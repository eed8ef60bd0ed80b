"""Memory that one step of a training passes on to the next."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Of mallopt(3)."""


def keep_freed_memory() -> None:
    """Have the C library keep, for the rest of the process, what tensors on the CPU give back.

    By itself glibc returns every large block to the system and asks for it anew: each step then waits for its pages,
    zeroed one by one (benchmarks/training_step.py shows how long).  Where there is no glibc this does nothing.
    """
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018  (other libraries have a mallopt that does nothing)
        mallopt = library.mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_TRIM_THRESHOLD, -1)
    mallopt(_MMAP_MAX, 0)
