"""Where a run lies, known before anything of it is read or written."""

from __future__ import annotations

from pathlib import Path

from safebench.errors import StoreError
from safebench.files import check_folder, expanded, other_things

LEARNING = "adapt"
"""The folder in a run's own that holds what its detectors learned from, where any did, and their trainings."""

NOT_LEARNED_FROM, NOT_HELD_OUT = "not-learned-from.txt", "not-held-out.txt"
"""Lists of photos to leave out that a command writes for runs and trainings of its own."""


def is_own_list(path: Path, out: str | None) -> bool:
    """Whether a list to leave out was written by the command whose run or training lies in `out`, so that it is no
    `--exclude` that a person gave."""
    if out is None or path.name not in (NOT_LEARNED_FROM, NOT_HELD_OUT):
        return False
    folder = expanded(out)
    return path.parent.parent in (folder, *folder.parents)


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
