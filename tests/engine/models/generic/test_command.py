"""A command in an environment of its own: what it is told, what it leaves, and what it breaks."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import safebench
from safebench.errors import ConfigError, ExchangeError, WeightsError
from safebench.models import calling
from safebench.models.specs import participant
from safebench.testing import inputs
from safebench.work.watching import Silent


class Told(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


OPTIONS: dict[str, Any] = {"images": "sample", "size": 64, "limit": 3, "bins": "20-30", "lpips_net": "squeeze"}

FILL = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
source, target = Path(sys.argv[1]), Path(sys.argv[2])
for k, file in enumerate(sorted((source / "images").iterdir())):
    image = np.asarray(Image.open(file)).copy()
    mask = np.asarray(Image.open(source / "masks" / file.name)) > 127
    image[mask] = image[~mask].mean(0)
    {0}
    Image.fromarray(image).save(target / file.name)
{1}
"""
LOOK = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
source, target = Path(sys.argv[1]), Path(sys.argv[2])
for k, file in enumerate(sorted((source / "pictures").iterdir())):
    image = np.asarray(Image.open(file).convert("L"))
    {0}
    Image.fromarray(image).save(target / file.name)
{1}
"""


def written(folder: Path, script: str, each: str = "", end: str = "", more: str = "") -> Path:
    """A script and the file that starts it; the script counts its calls in calls.txt beside it."""
    folder.mkdir(exist_ok=True)
    count = 'import pathlib\nwith open(pathlib.Path(__file__).with_name("calls.txt"), "a") as f: f.write("x")\n'
    (folder / "infer.py").write_text(count + script.replace("{0}", each).replace("{1}", end))
    file = folder / "model.toml"
    file.write_text(f'command = ["{sys.executable}", "infer.py", "{{input}}", "{{output}}"]\n{more}\n')
    return file


def calls(file: Path) -> int:
    """How often the command was started."""
    return len(file.with_name("calls.txt").read_text())


def run(file: Path, out: Path, **more: Any) -> Any:
    return safebench.run(inpainters=[f"mine=command:{file}"], out=out, **{**OPTIONS, **more})


def test_a_shard_is_one_call_and_a_second_run_none(tmp_path):
    file = written(tmp_path / "c", FILL)
    first = run(file, tmp_path / "r")
    assert not len(first.failures)
    assert calls(file) == 1
    again = run(file, tmp_path / "r")
    assert calls(file) == 1
    np.testing.assert_array_equal(first.quality["psnr"], again.quality["psnr"])
    small = written(tmp_path / "s", FILL, more="shard = 2")
    run(small, tmp_path / "r2")
    assert calls(small) == 2


def test_a_detector_that_is_a_command(tmp_path):
    file = written(tmp_path / "c", LOOK)
    options = {"detectors": [f"bright=command:{file}"], "keep_maps": True, "out": tmp_path / "r", **OPTIONS}
    results = safebench.run(inpainters=["telea"], **options)
    assert not len(results.failures)
    assert len(results.stored.detection) == 6
    assert calls(file) == 2, "one shard of originals, one of composites"
    inverted = written(tmp_path / "i", LOOK, more="maps.inverted = true")
    options |= {"detectors": [f"bright=command:{inverted}"], "out": tmp_path / "r2"}
    other = safebench.run(inpainters=["telea"], **options)
    np.testing.assert_allclose(results.detection["auc"].dropna() + other.detection["auc"].dropna(), 1, atol=1e-9)


@pytest.mark.parametrize(
    ("each", "end", "more", "said"),
    [
        (
            "",
            "sys.exit('out of memory at layer 3')",
            "",
            r"ended with status 1; its last words: out of memory at layer 3",
        ),
        ("", "import os; os.kill(os.getpid(), 9)", "", "was killed by signal 9"),
        ("", "import time; time.sleep(600)", "seconds = 1.5", r"took longer than 1\.5 seconds"),
        ("image = image[:, :32]", "", "", "has 32x64 pixels, and its picture 64x64"),
        ("image[:] = 0", "", "", "the mask was taken the other way round"),
    ],
)
def test_a_command_that_dies_hangs_or_writes_rubbish_costs_its_shard(tmp_path, each, end, more, said):
    file = written(tmp_path / "c", FILL, each, end, more + "\nshard = 3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("safebench.models.generic.processes._GRACE", 0.5)
        results = safebench.run(inpainters=[f"mine=command:{file}", "telea"], out=tmp_path / "r", **OPTIONS)
    failed = results.quality[results.quality["inpainter"] == "mine"]
    assert failed["error"].str.contains(said).all()
    assert not failed["error"].str.contains("safebench-").any(), "no name of a folder that is gone"
    assert (results.quality["error"][results.quality["inpainter"] == "telea"] == "").all()
    assert calls(file) == 1, "a failed shard is not begun again picture by picture"


def test_half_of_the_answers_cost_the_other_half_alone(tmp_path):
    file = written(tmp_path / "c", FILL, "if k == 1: continue")
    results = run(file, tmp_path / "r")
    assert [bool(error) for error in results.quality["error"]] == [False, True, False]
    assert "no answer of that name has come back" in results.quality["error"][1]
    assert calls(file) == 1
    half = written(
        tmp_path / "h",
        FILL,
        "",
        "data = (target / file.name).read_bytes()\n(target / file.name).write_bytes(data[:200])",
    )
    results = run(half, tmp_path / "r2")
    assert [bool(error) for error in results.quality["error"]] == [False, False, True]


def test_what_a_command_says_is_kept(tmp_path):
    file = written(tmp_path / "c", FILL, "print('picture', k)")
    run(file, tmp_path / "r")
    [log] = (tmp_path / "c" / "model.logs").iterdir()
    assert log.read_text().splitlines() == ["picture 0", "picture 1", "picture 2"]


def test_what_a_command_started_ends_with_it(tmp_path):
    child = (
        "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\nprint(child.pid)\nimport time; time.sleep(600)"
    )
    file = written(tmp_path / "c", FILL, "", child, "seconds = 1.5")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("safebench.models.generic.processes._GRACE", 0.5)
        run(file, tmp_path / "r", limit=1)
    [log] = (tmp_path / "c" / "model.logs").iterdir()
    pid = int(log.read_text().split()[-1])
    assert not _runs(pid)


def test_what_a_command_started_ends_where_safebench_is_killed(tmp_path):
    child = "import os, subprocess, sys, time; print(os.getpid(), subprocess.Popen(['sleep', '600']).pid, flush=True)"
    (tmp_path / "infer.py").write_text(f"{child}; time.sleep(600)")
    log = tmp_path / "log"
    starts = (
        "import sys, pathlib; from safebench.models.generic import processes; processes._GRACE = 0.2; "
        f"processes.run_command([sys.executable, 'infer.py'], pathlib.Path({str(tmp_path)!r}), 600, "
        f"pathlib.Path({str(log)!r}))"
    )
    safebench_itself = subprocess.Popen([sys.executable, "-c", starts])
    while not (log.is_file() and log.read_text().endswith("\n")):
        assert safebench_itself.poll() is None
        time.sleep(0.02)
    started = [int(pid) for pid in log.read_text().split()]
    assert all(map(_runs, started))
    safebench_itself.kill()
    safebench_itself.wait()
    for _ in range(500):
        if not any(map(_runs, started)):
            break
        time.sleep(0.02)
    assert not any(map(_runs, started))


def _runs(pid: int) -> bool:
    """Whether a process is there, and not only what is left of one."""
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().split()[2] != "Z"


def test_words_in_braces_and_no_shell(tmp_path):
    script = "import sys, json, pathlib\njson.dump(sys.argv, open(pathlib.Path(__file__).with_name('said.json'), 'w'))"
    file = written(tmp_path / "c", script)
    (tmp_path / "c" / "net.pth").write_bytes(b"weights")
    file.write_text(
        f'command = ["{sys.executable}", "infer.py", "-gpu", "{{device}}", "--in={{input}}/images", "{{output}}", '
        '"{seed}", '
        '"{weights}", "$HOME; rm -rf *", \'{"a": 1}\']\nweights = "net.pth"\ndevices = {cpu = "-1"}\n'
    )
    model = participant("inpainters", f"command:{file}", None, 7).load("cpu")
    with pytest.raises(ExchangeError, match="no answer of that name"):
        calling.inpaint(model, inputs.photos(1, (32, 32)), inputs.holes(1, (32, 32)))
    import json

    said = json.loads((tmp_path / "c" / "said.json").read_text())
    assert said[1:3] == ["-gpu", "-1"]
    assert said[3].startswith("--in=/")
    assert said[3].endswith("/images")
    assert said[5:] == ["7", str(tmp_path / "c" / "net.pth"), "$HOME; rm -rf *", '{"a": 1}']


def test_its_identity_is_all_that_its_file_names(tmp_path):
    more = 'weights = "net.pth"\ndepends = ["lib"]\nenvironment = "uv.lock"'
    file = written(tmp_path / "c", FILL, more=more)
    folder = file.parent
    (folder / "lib").mkdir()
    for name in ("net.pth", "uv.lock", "lib/layers.py"):
        (folder / name).write_text("1")

    def identity() -> str:
        return participant("inpainters", f"command:{file}").identity

    seen = [identity(), identity()]
    assert seen[0] == seen[1]
    (folder / "calls.txt").write_text("not named")
    assert identity() == seen[0]
    for name in ("net.pth", "uv.lock", "lib/layers.py", "infer.py", "model.toml"):
        with (folder / name).open("a") as text:
            text.write("\n# another\n")
        seen.append(identity())
    assert len(set(seen[1:])) == 6
    (folder / "net.pth").unlink()
    with pytest.raises(WeightsError, match=r"names net\.pth, and there is no"):
        identity()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("command = []", "command"),
        ('command = "python infer.py {input} {output}"', "command"),
        ('command = ["a", "{input}"]', "output"),
        ('command = ["a", "{input}", "{output}", "{image}"]', "image.*stands for nothing"),
        ('command = ["a", "{input}", "{output}", "{weights}"]', "weights"),
        ('command = ["a", "{input}", "{output}"]\nseconds = 0', "seconds"),
        ('command = ["a", "{input}", "{output}"]\ntimeout = 3', "timeout"),
        ('command = ["a", "{input}", "{output}"]\nenvironment = "sha256:12"', "64 digits"),
        ('command = ["docker", "run", "trufor:latest", "{input}", "{output}"]', "another image"),
        ('command = ["apptainer", "exec", "docker://trufor", "a", "{input}", "{output}"]', "another image"),
        ('command = ["/opt/bin/conda", "run", "-n", "a", "x", "{input}", "{output}"]', "lock file .*conda list"),
        ('command = ["env", "A=1", "uv", "run", "x.py", "{input}", "{output}"]', "environment of uv's .*lock file"),
        ('command = ["a", "{input}", "{output}"]\nmaps = {range = [1, 1]}', "differ|unknown field"),
    ],
)
def test_a_file_that_cannot_be_is_refused_before_anything_runs(tmp_path, text, said):
    file = tmp_path / "model.toml"
    file.write_text(text)
    for kind in ("inpainters", "detectors"):
        with pytest.raises(ConfigError, match=rf"model\.toml: .*{said}"):
            participant(kind, f"command:{file}")
    with pytest.raises(ConfigError, match=r"model\.toml"):
        run(file, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_what_does_not_fix_its_environment_is_told_and_what_does_is_taken(tmp_path):
    told = Told()
    file = written(tmp_path / "c", FILL)
    run(file, tmp_path / "r", limit=1, watcher=told)
    assert [note for note in told.notes if note.startswith("mine: nothing fixes the environment of this command")]
    (tmp_path / "c" / "conda.lock").write_text("python=3.11")
    for text in ('["conda", "run", "-n", "a", "x", "{input}", "{output}"]\nenvironment = "conda.lock"',
                 f'["docker", "run", "trufor@sha256:{"0" * 64}", "{{input}}", "{{output}}"]',
                 '["apptainer", "exec", "image.sif", "{input}", "{output}"]'):  # fmt: skip
        file.write_text(f"command = {text}")
        checkpoint = participant("inpainters", f"command:{file}").checkpoint
        assert checkpoint is not None
        assert checkpoint.remark == ""


def test_a_program_that_is_not_there_is_said(tmp_path):
    file = tmp_path / "model.toml"
    file.write_text('command = ["no-such-program", "{input}", "{output}"]')
    results = run(file, tmp_path / "r", limit=1)
    assert "no-such-program: cannot be started" in results.quality["error"][0]


def test_the_command_starts_in_the_folder_of_its_file(tmp_path, monkeypatch):
    file = written(tmp_path / "c", FILL)
    monkeypatch.chdir(tmp_path)
    results = run(Path(os.path.relpath(file, tmp_path)), tmp_path / "r", limit=1)
    assert not len(results.failures)
