"""What `--engine` names."""

from __future__ import annotations

import sys

import pytest

from safebench.errors import PluginError
from safebench.work.engines import make_executor
from safebench.work.executor import ExecutorOptions


@pytest.mark.parametrize(("engine", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_package_is_told_in_a_sentence(tmp_path, monkeypatch, engine, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PluginError, match=rf"--engine {engine}.*pip install 'safebench\[{engine}\]'"):
        make_executor(ExecutorOptions(tmp_path, engine=engine))
