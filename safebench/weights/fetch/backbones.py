"""Image classifiers that torchvision publishes, as files for `safebench.weights.read.checkpoints`."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from safebench.errors import WeightsError
from safebench.weights.fetch import transfers
from safebench.weights.fetch.downloads import OFFLINE, DownloadError, digest, download


def backbone_file(url: str, user: str, instead: str) -> Path:
    """The file at `url`, in the folder where torch.hub keeps its files; downloaded where it is not there yet.

    The end of its name is the start of its sha256, which is compared.  Raises WeightsError that names `user`, what
    wants it, and `instead`, what to do without.
    """
    path = Path(torch.hub.get_dir(), "checkpoints", url.rsplit("/", 1)[-1])
    if path.is_file():
        return path
    unchecked = path.with_suffix(".unchecked")
    try:
        if os.environ.get(OFFLINE):
            raise DownloadError(f"{OFFLINE} is set")
        with transfers.shown(f"{user}: {path.name}") as progress:
            download(url, unchecked, progress=progress)
        sha256 = digest(unchecked)
        if not sha256.startswith(path.stem.rsplit("-", 1)[-1]):
            unchecked.unlink()
            raise DownloadError(f"{url}: the file that came is another: its sha256 is {sha256}")
        unchecked.replace(path)
    except (DownloadError, OSError) as error:
        raise WeightsError(
            f"{user}: its backbone could not be fetched: {error}; put the file at {path}, or {instead}"
        ) from None
    return path
