"""Keeps decoders from writing to the terminal: what is wrong with a file is said in the error that names it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()


@contextmanager
def no_warnings() -> Iterator[None]:
    """Without Python's warnings; one thread at a time, since they are switched off for the whole process."""
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def no_messages() -> Iterator[None]:
    """Likewise, and without what libraries in C write to the standard error (libtiff, OpenCV)."""
    with no_warnings():
        try:
            kept = os.dup(2)
        except OSError:  # a process without a standard error
            yield
            return
        try:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 (no path of ours)
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
