"""What a person at a terminal is told when something is wrong: one sentence, and the right exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from safebench import cli
from safebench.errors import ExitStatus
from safebench.inputs.images import save_png
from safebench.testing import inputs
from tests.forking import run_forked

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def safebench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`safebench ARGUMENTS` in this process: exit status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["safebench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    save_png(tmp_path / "photo.png", inputs.photos(1, (64, 64))[0])
    return tmp_path / "photo.png"


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    hole = np.zeros((64, 64), np.bool_)
    hole[20:40, 20:40] = True
    save_png(tmp_path / "mask.png", hole)
    return tmp_path / "mask.png"


SMALL = ("--limit", 1, "--size", 64, "--bins", "10-20", "--lpips-net", "squeeze")

MISTAKES = [
    (["--inpainter", "tela"], "did you mean telea"),
    (["--inpainter", "telea:best"], "telea has no variant 'best'"),
    (["--inpainter", "telea", "--detector", "laplacan"], "did you mean laplacian"),
    (["--inpainter", "telea", "--lpips-net", "squeze"], "--lpips-net squeze: alex, vgg or squeeze"),
    (["--inpainter", "telea", "--batch-size", "many"], "--batch-size many: has to be a whole number or auto"),
    (["--inpainter", "telea", "--limit", "0"], "--limit 0: has to be at least 1"),
    (["--inpainter", "telea", "--bins", "5-10"], "'5-10' is no bin"),
    (["--inpainter", "telea", "--device", "gpu"], "--device gpu: is no device"),
    (["--inpainter", "telea", "--images", "no/such"], "no/such: there is no such directory"),
    (["--inpainter", "telea", "--images", "plases2"], "did you mean places2"),
    (["--inpainter", "telea", "--masks", "irreglar"], "did you mean irregular"),
    (["--inpainter", "telea", "--masks", "no/such"], "no/such: there is no such directory"),
    (["--inpainter", "telea", "--out", "suite.toml"], "--out suite.toml: is a file"),
    (["--inpainter", "telea", "--out", "."], "holds other things (suite.toml) and no run"),
    (["--inpainter", "telea", "--weights", "lama=x"], "--weights lama=...: no model of that name takes part"),
    (["--inpainter", "telea", "--rerun", "lama"], "--rerun lama: no model of that name takes part"),
    (["--inpainter", "lama", "--weights", "lama=no.ckpt"], "--weights lama=no.ckpt: there is no such file"),
    (["--inpainter", "torchscript:no.pt"], "torchscript:no.pt: there is no such file"),
    (["--inpainter", "mat-fill"], "no inpainter is called 'mat-fill'"),
    (["--inpainter", "madf", "--weights", "madf=suite.toml", "--size", "250"], "madf takes sides that are multiples"),
    (["--inpainter", "telea", "--engine", "cloud"], "--engine cloud: local, ray or slurm"),
    (["--inpainter", "telea", "--assembly", "glued"], "--assembly glued: "),
    (["--inpainter", "telea", "--postprocess", "jpg"], "--postprocess jpg: "),
    (["suite.toml"], "suite.toml: detecters = "),
    (["no.toml"], "no.toml: cannot be read (No such file or directory)"),
    (["--images", "."], "no inpainter is named"),
    (["--inpainter", "telea", "--out", "/proc/run"], "/proc/run: cannot be made in /proc ("),
    (["--inpainter", "telea", "--device", "cpu", "--device", "auto"], "--device: is given 2 times; give it once"),
    (["--inpainter", "telea", "--weights", "a=1", "--weights", "a=2"], "a is named twice"),
    (["--inpainter", "telea", "--detector", ""], "--detector: is empty; say what it is, or leave it out"),
    (["--inpainter", "telea", "--storage", "", "--engine", "ray"], "--storage: is empty"),
    (["--inpainter", "telea,,lama"], "--inpainter telea,,lama: nothing stands before, between or after its commas"),
    (["--inpainter", "telea", "--postprocess", "none,"], "--postprocess none,: nothing stands before"),
    (["--inpainter", "telea", "--metrics", "psrn"], "did you mean psnr"),  # last: it imports numpy
]

IN_ONE_PROCESS = """
import json, sys
sys.stdout.reconfigure(encoding="cp1252", errors="strict")
sys.stderr.reconfigure(encoding="cp1252", errors="backslashreplace")
from safebench.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["safebench", *arguments]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise
"""

CHILD = """
import contextlib, io, json, sys
from safebench.cli import main
for arguments in json.load(sys.stdin):
    sys.argv = ["safebench", "run", *arguments]
    told, code = io.StringIO(), None
    with contextlib.redirect_stderr(told):
        try:
            main()
        except SystemExit as end:
            code = end.code
    heavy = [name for name in ("torch", "pandas", "numpy", "scipy", "cv2", "PIL", "pyarrow") if name in sys.modules]
    print(json.dumps([code, told.getvalue(), heavy]))
"""


def test_a_mistake_in_runs_options_is_told_before_anything_heavy_is_imported(tmp_path):
    (tmp_path / "suite.toml").write_text('inpainters = ["telea"]\ndetecters = ["laplacian"]\n')
    told = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=json.dumps([arguments for arguments, _ in MISTAKES]),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
        env={**os.environ, "SAFEBENCH_CACHE": str(tmp_path / "cache")},
    ).stdout.splitlines()
    for (arguments, sentence), line in zip(MISTAKES, told, strict=True):
        code, said, heavy = json.loads(line)
        assert sentence in said, arguments
        assert said.count("\n") == 1, said
        assert code in (ExitStatus.ERROR, ExitStatus.USAGE), arguments
        assert heavy == (["numpy"] if "--metrics" in arguments else []), arguments


def test_a_place_in_which_nothing_can_be_written_is_told_with_advice(safebench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = safebench("run", "--inpainter", "telea", "--out", "/proc/run")[2]
    assert said.endswith("; choose another place\n")
    (tmp_path / "run").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "touch", lambda *_, **__: Path("/no/such/file").stat())
        said = safebench("run", "--inpainter", "telea", "--out", "run")[2]
    assert said == "safebench: run: nothing can be written into it (No such file or directory); choose another place\n"


@pytest.mark.parametrize("command", ["run", "detect"])
def test_of_two_detectors_none_is_silently_dropped(safebench, photo, tmp_path, command):
    both = ("--detector", "laplacian", "--detector", "splicebuster")
    if command == "detect":
        status, _, said = safebench("detect", *both, "--image", photo, "--out", tmp_path / "map.png")
        assert (status, said) == (ExitStatus.USAGE, "safebench: --detector: is given 2 times; give it once\n")
        return
    assert safebench("run", "--inpainter", "telea", *both, *SMALL, "--out", tmp_path / "run")[0] == ExitStatus.DONE


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["run", "--inpainter", "tela"], ExitStatus.USAGE),
        (["run", "--inpainter", "telea", "--limit", "few"], ExitStatus.USAGE),
        (["run", "--inpainter", "telea", "--images", "/no/such/folder"], ExitStatus.ERROR),
        (["report", "/no/such/run", "--out", "x"], ExitStatus.ERROR),
        (["list", "paintings"], ExitStatus.USAGE),
        (["--version"], ExitStatus.DONE),
    ],
)
def test_exit_statuses(safebench, arguments, status):
    assert safebench(*arguments)[0] == status


def test_a_run_in_which_something_failed_says_what_why_and_how_often(safebench, tmp_path, photo):
    (tmp_path / "photos").mkdir()
    photo.rename(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "b.png").write_text("no photo")
    (tmp_path / "net.pt").write_text("no network")
    network, out = f"torchscript:{tmp_path / 'net.pt'}", tmp_path / "run"
    models = ["--inpainter", "telea", "--inpainter", network, "--detector", network, "--detector", "laplacian"]
    status, said, _ = safebench("run", *models, *SMALL[2:], "--limit", 2, "--images", tmp_path / "photos", "--out", out)
    assert status == ExitStatus.FAILURES
    assert "Failed in step 'read': 1 photo; " in said
    assert f"Failed in step 'inpaint': {network}: 1 of 2 images; {tmp_path / 'net.pt'}: " in said
    assert f"Failed in step 'detect': {network}: 2 of 6 images; {tmp_path / 'net.pt'}: " in said
    fine = ["--images", tmp_path / "photos", "--out", tmp_path / "fine"]
    (tmp_path / "photos" / "b.png").unlink()
    assert safebench("run", "--inpainter", "telea", *SMALL, *fine)[0] == ExitStatus.DONE


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_suite_in_another_encoding_is_told_and_a_mark_is_no_matter(safebench, tmp_path, encoding):
    suite = tmp_path / "suite.toml"
    suite.write_bytes('# für\ninpainters = ["tela"]\n'.encode(encoding))
    status, _, said = safebench("run", suite)
    assert status == ExitStatus.USAGE
    assert said.count("\n") == 1
    expected = {"utf-8-sig": "did you mean telea", "utf-16": "is in UTF-16; save it as", "cp1252": "line 1 is not in"}
    assert expected[encoding] in said


def test_a_full_disk_is_a_sentence_that_names_the_file(safebench, tmp_path, photo, mask, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    run = ("run", "--inpainter", "telea", *SMALL, "--out", tmp_path / "run")
    single = ("inpaint", "--inpainter", "telea", "--image", photo, "--mask", mask, "--out", tmp_path / "filled.png")
    for command, named in ((run, tmp_path / "run"), (single, tmp_path / "filled.png")):
        status, _, said = safebench(*command)
        assert status == ExitStatus.ERROR
        [sentence] = [line for line in said.splitlines() if line.startswith("safebench:")]
        assert str(named) in sentence
        assert "No space left on device; make room" in sentence
        assert "Traceback" not in said


@pytest.mark.parametrize("target", ["folder.png", "file/deeper.png"])
def test_a_target_that_cannot_be_written_is_told_before_the_work(safebench, tmp_path, photo, mask, target, monkeypatch):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("safebench.commands.single.participant", None)  # no model is looked for
    out = tmp_path / target
    status, _, said = safebench("detect", "--detector", "laplacian", "--image", photo, "--out", out)
    assert status in (ExitStatus.ERROR, ExitStatus.USAGE)
    assert said.startswith("safebench: ")
    assert str(out if target == "folder.png" else out.parent) in said
    assert said.count("\n") == 1
    command = ("inpaint", "--inpainter", "telea", "--image", photo, "--mask", mask, "--out", tmp_path / "filled.png")
    assert safebench(*command, "--raw", out)[0] == status


def test_an_error_of_the_system_that_nobody_foresaw_is_a_sentence_too(safebench, monkeypatch):
    from safebench.cli import listing

    def broken(_what):
        raise PermissionError(13, "Permission denied", "/some/file")

    monkeypatch.setattr(listing, "show", broken)
    status, _, said = safebench("list")
    assert (status, said.startswith("safebench: /some/file: Permission denied; ")) == (ExitStatus.ERROR, True)


def test_names_that_the_terminal_or_a_file_cannot_show_end_no_run(tmp_path, photo):
    odd = os.fsdecode(b"caf\xe9")
    (tmp_path / odd).mkdir()
    photo.rename(tmp_path / odd / "a.png")
    run = ["run", "--inpainter", "telea", *map(str, SMALL), "--images", odd, "--out", "结果"]
    both = json.dumps([run, ["report", "结果", "--out", f"{odd}-page"]])
    told = run_forked(IN_ONE_PROCESS, tmp_path, {"PYTHONIOENCODING": "cp1252"}, ["-c", both])
    assert told.returncode == ExitStatus.DONE, told.stderr
    assert (tmp_path / "结果" / "report" / "index.html").is_file()
    assert (tmp_path / f"{odd}-page" / "index.html").is_file()
    assert b'"caf\\\\xe9"' in (tmp_path / "结果" / "run.json").read_bytes()


@pytest.mark.parametrize("model", ["lama", "fcf"])  # free terms, and terms to be agreed to
def test_a_cache_that_cannot_be_written_is_told(safebench, tmp_path, model, monkeypatch):
    (tmp_path / "cache").write_text("in the way")
    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path / "cache"))
    status, _, said = safebench("weights", "pull", model, "--accept-licence")
    assert status == ExitStatus.ERROR
    assert said.count("\n") == 1
    assert str(tmp_path / "cache") in said


def test_without_a_home_folder_the_cache_has_to_be_named(monkeypatch, safebench):
    def unknown(*_, **__):
        raise RuntimeError("no home")

    monkeypatch.delenv("SAFEBENCH_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", unknown)
    status, _, said = safebench("list")
    assert status == ExitStatus.USAGE
    assert "set SAFEBENCH_CACHE" in said
