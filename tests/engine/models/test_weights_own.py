"""A user's own files, and models of the Hugging Face Hub, as checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from safebench.errors import WeightsError
from safebench.models import weights
from safebench.models.cards import parse_card
from safebench.models.registry import Entry

from ..published import CARD


def test_the_users_own_file_is_identified_by_its_bytes_and_settings(tmp_path: Path, cache: Path) -> None:
    entry = Entry("inpainters", parse_card('argument = "file"' + CARD, "x"), tmp_path, None)  # type: ignore[arg-type]
    file = tmp_path / "own.pt"
    file.write_bytes(b"program")
    first = weights.find(entry, str(file))
    assert first is not None
    assert first.path == file
    (tmp_path / "own.toml").write_text("range = 1")
    second = weights.find(entry, "", file)
    assert second is not None
    assert second.sha256 != first.sha256
    for wrong in (str(tmp_path / "none.pt"), str(tmp_path)):
        with pytest.raises(WeightsError, match=r"no such file|is no file"):
            weights.find(entry, wrong)


def test_models_of_the_hub(web: Any, page: Any, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and safetensors come, pickles and other precisions do not."""
    from huggingface_hub import constants

    entry = Entry("inpainters", parse_card('argument = "hub-id"' + CARD, "x"), tmp_path, None)  # type: ignore[arg-type]
    monkeypatch.setenv("HF_ENDPOINT", web.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    commit = "c" * 40
    held = ["model_index.json", "unet/a.safetensors", "unet/a.fp16.safetensors", "unet/a.bin", "all.ckpt", "x.py"]
    listing = {"id": "owner/sd", "sha": commit, "siblings": [{"rfilename": name} for name in held]}
    web.pages["/api/models/owner/sd/revision/main"] = page(json.dumps(listing).encode(), type="application/json")
    tree = [{"type": "file", "path": name, "size": len(name), "oid": "0" * 40} for name in held]
    web.pages[f"/api/models/owner/sd/tree/{commit}"] = page(json.dumps(tree).encode(), type="application/json")
    for name in held:
        web.pages[f"/owner/sd/resolve/{commit}/{name}"] = page(name.encode(), headers={"X-Repo-Commit": commit})
    missing = page(b"{}", status=404, headers={"X-Error-Code": "RepoNotFound"})
    web.pages["/api/models/owner/none/revision/main"] = missing
    with pytest.raises(WeightsError, match="fetch it with: safebench weights pull paper-net:owner/sd"):
        weights.find(entry, "owner/sd")
    found = weights.find(entry, "owner/sd", fetch=True)
    assert found is not None
    files = sorted(p.relative_to(found.path).as_posix() for p in found.path.rglob("*") if p.is_file())
    assert files == ["model_index.json", "unet/a.safetensors"]
    assert weights.find(entry, "owner/sd") == found
    assert weights.find(entry, str(found.path)) == found
    with pytest.raises(WeightsError, match="neither a folder nor OWNER/MODEL"):
        weights.find(entry, "no/such/folder", fetch=True)
    with pytest.raises(WeightsError, match="the Hugging Face Hub has no such model"):
        weights.find(entry, "owner/none", fetch=True)
    with pytest.raises(WeightsError, match="say which model"):
        weights.find(entry)
