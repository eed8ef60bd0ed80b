"""The wheel holds every package, card and template, and works outside the checkout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.metadata import Metadata

from safebench.version import __version__ as VERSION

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {
    "safebench": "safebench",
    "inpainters": "safebench_inpainters",
    "detectors": "safebench_detectors",
    "postprocessing": "safebench_postprocessing",
    "reports": "safebench_reports",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from what git tracks, so that nothing of the working tree slips in."""
    source = tmp_path_factory.mktemp("source")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, names)):
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(out.glob("*.whl"))


def test_everything_that_is_no_test_is_in_the_wheel(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    expected = {
        "/".join([FOLDERS[name.split("/")[0]], *name.split("/")[1:]])
        for name in listing.splitlines()
        if name.split("/")[0] in FOLDERS and (ROOT / name).is_file() and not name.endswith(".md")
    }
    assert expected, "git lists nothing"
    assert expected <= held, sorted(expected - held)
    foreign = {name.split("/")[0] for name in held} - {*FOLDERS.values()}
    assert all(name.endswith(".dist-info") for name in foreign), foreign


def test_the_wheel_stays_small(wheel):
    assert wheel.stat().st_size < 20_000_000


def test_its_metadata_are_what_an_index_takes(wheel):
    [name] = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA")]
    held = Metadata.from_email(zipfile.ZipFile(wheel).read(name), validate=True)
    assert str(held.version) == VERSION
    assert held.license_expression == "MIT"
    assert held.license_files == ["LICENSE"]
    assert held.description_content_type == "text/markdown"
    assert held.description == (ROOT / "README.md").read_text("utf-8")
    assert held.project_urls


def test_a_release_has_one_number_and_one_date():
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    numbers = re.findall(r"^version: (\S+)$", citation, re.MULTILINE)
    dates = re.findall(r"^date-released: (\S+)$", citation, re.MULTILINE)
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert numbers == [VERSION]
    assert headings[:2] == ["Unreleased", f"{VERSION} ({dates[0]})"]


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> dict[str, str]:
    """An environment in which the wheel comes before the checkout."""
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel]
    subprocess.run(command, check=True, capture_output=True)
    return {**os.environ, "PYTHONPATH": str(site)}


@pytest.mark.slow
def test_the_installed_wheel_runs_the_main_job(installed, tmp_path):
    code = "import safebench; print(safebench.__file__); from safebench.cli import main; main()"
    command = [sys.executable, "-c", code, "run", "--inpainter", "telea", "--detector", "laplacian", "--limit", "2"]
    command += ["--bins", "10-20", "--size", "96", "--lpips-net", "squeeze", "--out", str(tmp_path / "run")]
    result = subprocess.run(command, env=installed, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert str(ROOT) not in result.stdout.splitlines()[0], "the checkout was imported, not the wheel"
    assert (tmp_path / "run" / "report" / "index.html").is_file()
