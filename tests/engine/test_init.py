"""The names that `import safebench` gives."""

from __future__ import annotations

import subprocess
import sys

import safebench


def test_dir_lists_the_public_names_and_no_other():
    assert dir(safebench) == sorted([*safebench.__all__, "__version__"])
    for name in safebench.__all__:
        assert getattr(safebench, name).__doc__, name


def test_importing_safebench_imports_nothing_slow():
    slow = "{'torch', 'numpy', 'pandas', 'scipy', 'sklearn', 'cv2', 'msgspec', 'matplotlib'}"
    code = f"import sys, safebench; dir(safebench); print({slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_name_that_is_none_is_no_attribute():
    assert not hasattr(safebench, "no_such_name")
