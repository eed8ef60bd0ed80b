"""Fixtures that every test may use."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

from tests.browser import chromium, open_once, open_page

__all__ = ["chromium", "open_once", "open_page"]

# no test is judged by the clock: a busy machine is no failure; what fails is told with what repeats it
settings.register_profile("safebench", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("safebench")

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real photos, weights and golden results beside the checkout; skips where they are not."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared material beside the checkout ({SHARED.name}/), which a clone does not have")
    return SHARED


@pytest.fixture(scope="session")
def rebuilt(shared: Path) -> Iterator[Callable[[str], Path]]:
    """The folder with a published network's checkpoint files, rebuilt from their keys and shapes.

    Made once per session and deleted at its end.
    """
    write = runpy.run_path(str(shared / "parity" / "weights.py"))["write"]
    with TemporaryDirectory() as folder:  # hundreds of megabytes, which pytest's own folders would keep

        def rebuild(name: str) -> Path:
            place = Path(folder) / name
            if not place.exists():
                write(name, place)
            return place

        yield rebuild


@pytest.fixture(scope="session")
def tiny_autoencoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two files of a TAESD with made-up weights."""
    import torch

    from safebench.models.toolbox.tiny_autoencoder import TinyAutoencoder

    folder = tmp_path_factory.mktemp("tiny")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = TinyAutoencoder(4, pooled=False)
    for name in ("encoder", "decoder"):
        torch.save(getattr(network, name).state_dict(), folder / f"made_up_{name}.pth")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _caches(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Caches of the tests' own, and LPIPS' real backbone where it is at hand, else one that is made up; subprocesses
    inherit both."""
    os.environ["SAFEBENCH_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    home = SHARED / "torch-home" if SHARED.is_dir() else tmp_path_factory.mktemp("torch-home")
    os.environ["TORCH_HOME"] = str(home)
    if not SHARED.is_dir():
        _make_up_backbone(home)


def _make_up_backbone(home: Path) -> None:
    """SqueezeNet with drawn weights, under the published file's name: a file that lies there is taken as it is.

    So a clone without network has LPIPS with other figures; tests of the real ones need `shared`.
    """
    import torch
    from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1

    place = home / "hub" / "checkpoints" / SqueezeNet1_1_Weights.IMAGENET1K_V1.url.rsplit("/", 1)[-1]
    place.parent.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(squeezenet1_1(weights=None).state_dict(), place)


@pytest.fixture(scope="session")
def plugin(tmp_path_factory) -> Path:
    """The fake plug-in, installed into a folder of its own."""
    target = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source") / "plugin"
    subprocess.run(["cp", "-r", Path(__file__).parent / "fake_plugin", source], check=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", target, source], check=True, capture_output=True)
    return target
