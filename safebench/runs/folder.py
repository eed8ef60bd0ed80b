"""Where a run lies, known before anything of it is read or written."""

from __future__ import annotations

from pathlib import Path

from safebench.errors import StoreError
from safebench.files import check_folder, other_things

LEARNING = "adapt"
"""The folder in a run's own that holds what its detectors learned from, where any did, and their trainings."""


def check_run_folder(folder: Path) -> None:
    """Raise StoreError where no run can lie in `folder`: it is a file, or holds other things and no run; FileError
    where nothing can be written there."""
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"--out {folder}: is a file; name a folder for the run")
    try:
        other = other_things(folder, ("samples.parquet", "run.json", LEARNING))
    except OSError as error:
        raise StoreError(f"{folder}: cannot be read ({error.strerror}); choose another place") from None
    if other:
        raise StoreError(f"{folder}: holds other things ({other}) and no run; name a new folder by --out")
    check_folder(folder)
