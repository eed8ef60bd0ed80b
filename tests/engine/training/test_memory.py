"""What a step frees is there for the next one."""

import platform
import resource
from pathlib import Path

import pytest

from safebench.training import memory
from tests.forking import run_forked

STEPS = """
import resource, sys, torch
from safebench.training.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def step():
    for _ in range(4):
        torch.ones(16 << 20)  # 64 MiB
for _ in range(4):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives freed memory back at once")
def test_freed_memory_is_kept(tmp_path: Path) -> None:
    faults = {how: int(run_forked(STEPS, tmp_path, arguments=["-c", how]).stdout) for how in ("keep", "as it comes")}
    pages_of_one = (64 << 20) // resource.getpagesize()
    assert faults["keep"] < pages_of_one / 2 < pages_of_one < faults["as it comes"]


def test_nothing_happens_where_there_is_no_c_library_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: None) -> None:
        raise TypeError(name)

    monkeypatch.setattr("ctypes.CDLL", none)
    memory.keep_freed_memory()
