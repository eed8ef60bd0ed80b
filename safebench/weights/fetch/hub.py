"""Whole models of the Hugging Face Hub (diffusers' pipelines): settings and safetensors, never code or pickles."""

from __future__ import annotations

import os
from pathlib import Path

from safebench.errors import WeightsError
from safebench.weights.published import HubModel

NOT = ("*.fp16.*", "*.non_ema.*", "*.bf16.*", "safety_checker/*")
"""The same numbers in other precisions, those that only training needs, and a network that is not used here."""


def page(model: str) -> str:
    """Where a browser finds the Hub's `OWNER/MODEL` or `OWNER/MODEL@REVISION`."""
    repo, _, revision = model.partition("@")
    return f"{_endpoint() or 'https://huggingface.co'}/{repo}{f'/tree/{revision}' if revision else ''}"


def together(model: str, of: HubModel, folder: Path, *, fetch: bool) -> Path:
    """`folder`, in which links lead to the snapshots of all parts of a model; errors as for `snapshot`."""
    for part, name in of.beside.items():
        place = snapshot(name, model, of, fetch=fetch)
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / part
        if link.resolve() != place.resolve():
            fresh = folder / f".{part}.{os.getpid()}"
            fresh.symlink_to(place.resolve(), target_is_directory=True)
            fresh.replace(link)
    return folder


def snapshot(name: str, model: str, of: HubModel, *, fetch: bool) -> Path:
    """The folder of a model: the local folder `name`, or the Hub's `OWNER/MODEL` or `OWNER/MODEL@REVISION`.

    Kept in the Hub's own cache, to which the Hub's own variables apply (HF_HOME, HF_ENDPOINT, HF_TOKEN).  Raises
    WeightsError where it is not at hand and may not or cannot be fetched; `model` names the adapter in the sentence,
    `of` says what such a model consists of.
    """
    if (folder := Path(name).expanduser()).is_dir():
        if not any(any(folder.glob(pattern)) for pattern in of.holds):  # it may be large, so nothing in it is read
            lacking = " nor ".join(of.holds)
            raise WeightsError(f"{model}:{name}: this folder holds no {of.what} (no {lacking})")
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    repo, _, revision = name.partition("@")
    try:
        found = snapshot_download(
            repo,
            revision=revision or None,
            allow_patterns=list(of.parts),
            ignore_patterns=list(NOT),
            local_files_only=not fetch,
            endpoint=_endpoint(),
        )
    except HFValidationError:
        raise WeightsError(f"{model}:{name}: is neither a folder nor OWNER/MODEL at the Hugging Face Hub") from None
    except GatedRepoError:
        raise WeightsError(
            f"{model}:{name}: accept its terms at https://huggingface.co/{repo}, then log in with: hf auth login"
        ) from None
    except RepositoryNotFoundError:
        raise WeightsError(
            f"{model}:{name}: the Hugging Face Hub has no such model, or shows it to its owner only"
        ) from None
    except LocalEntryNotFoundError:
        hint = "is there a network?" if fetch else f"fetch it with: safebench weights pull {model}:{name}"
        raise WeightsError(f"{model}:{name}: is not on this machine; {hint}") from None
    except OSError as error:  # the Hub's other errors, and the disk's
        raise WeightsError(f"{model}:{name}: could not be fetched ({type(error).__name__}); try again later") from None
    return Path(found)


def _endpoint() -> str | None:
    """Another place than the Hub's own, where the user says one."""
    return os.environ.get("HF_ENDPOINT") or None
