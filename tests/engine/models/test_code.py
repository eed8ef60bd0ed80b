"""Which code a model's numbers come from, and what of it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from safebench.errors import PluginError
from safebench.models import registry
from safebench.models.code import Code, code_of
from safebench.models.specs import participant

from ..installed import ADAPTER, Plugin, as_a_new_process

FLAT = "flat_plugin/flat"
Change = Callable[[Plugin], None]


def _code(plugin: Plugin) -> Code:
    with as_a_new_process(plugin.site):
        return code_of(plugin.entry())


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.replace(f"{FLAT}/adapter.py", "SHADE * masks", "SHADE * masks * 0.5"),
        lambda p: p.replace("flat_plugin/_shades.py", "0.25", "0.75"),
        lambda p: p.replace("flat_plugin/_shades.py", "0.25", "0.26"),
        lambda p: p.write("flat_plugin/__init__.py", "import math\nTURN = math.tau\n"),
        lambda p: p.replace(f"{FLAT}/table.csv", "2", "3"),
        lambda p: p.write(f"{FLAT}/deep/script.py", "print(1)\n"),
        lambda p: p.write("flat_plugin/data/levels.json", "[0.25]\n"),
        lambda p: p.replace(
            f"{FLAT}/card.toml", 'family = "diffusion"', 'family = "diffusion"\n[input]\nblank_hole=false'
        ),
    ],
)
def test_what_computes_counts(tmp_path: Path, change: Change) -> None:
    plugin = Plugin(tmp_path)
    before = _code(plugin)
    change(plugin)
    assert _code(plugin).sha256 != before.sha256


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.replace("flat_plugin/_shades.py", "# dark", "# rather dark"),
        lambda p: p.replace(f"{FLAT}/adapter.py", '"""Fills with one gray."""\n', ""),
        lambda p: p.replace("flat_plugin/_unused.py", "1", "2"),
        lambda p: p.replace(f"{FLAT}/losses.py", "1", "2"),
        lambda p: p.replace(f"{FLAT}/recipe.py", "losses", "losses as them"),
        lambda p: p.write(f"{FLAT}/notes.md", "Other notes.\n"),
        lambda p: p.replace(f"{FLAT}/card.toml", "with gray", "in gray"),
        lambda p: p.write(f"{FLAT}/__pycache__/adapter.cpython-311.pyc", "x"),
        lambda p: p.write(f"{FLAT}/.cache", "x"),
    ],
)
def test_what_computes_nothing_does_not_count(tmp_path: Path, change: Change) -> None:
    plugin = Plugin(tmp_path)
    before = _code(plugin)
    change(plugin)
    assert _code(plugin) == before


def test_what_only_the_recipe_imports_counts_once_the_adapter_does_too(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    plugin.write(f"{FLAT}/adapter.py", f"from .losses import WEIGHT\n{ADAPTER}")
    before = _code(plugin)
    plugin.replace(f"{FLAT}/losses.py", "1", "2")
    assert _code(plugin).sha256 != before.sha256


def test_weights_beside_the_card_have_a_checksum_of_their_own(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    card = (tmp_path / FLAT / "card.toml").read_text()
    plugin.write(f"{FLAT}/card.toml", f'{card}[[weights]]\nfile = "w.pth"\nshipped = "ours.pth"\n')
    before = _code(plugin)
    plugin.write(f"{FLAT}/ours.pth", "new weights")
    assert _code(plugin) == before


def test_another_version_of_the_distribution_is_another_identity(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    identities = []
    for version in ("0.1", "0.2", "0.1"):
        plugin.set_version(version)
        with as_a_new_process(tmp_path):
            who = participant("inpainters", "flat")
            assert (who.code.package, who.code.package_version) == ("flat-plugin", version)
            identities.append(who.identity)
    assert identities[0] == identities[2] != identities[1]


def test_a_release_of_safebench_alone_is_none() -> None:
    who = participant("inpainters", "telea")
    released = replace(who, code=Code(sha256=who.code.sha256, package="safebench", package_version="99.0"))
    assert released.identity == who.identity
    assert (
        replace(who, code=Code(sha256="0" * 64, package="safebench", package_version="0.1.0")).identity != who.identity
    )


def test_code_that_was_changed_after_it_was_imported_is_refused(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    with as_a_new_process(tmp_path):
        participant("inpainters", "flat").load_inpainter("cpu")
        plugin.replace("flat_plugin/_shades.py", "# dark", "# not bright")
        participant("inpainters", "flat").load_inpainter("cpu")
        plugin.replace("flat_plugin/_shades.py", "0.25", "0.75")
        with pytest.raises(PluginError, match=r"changed after this process had imported it.*start Python again"):
            participant("inpainters", "flat")


def test_a_worker_with_other_code_than_the_driver_refuses(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    with as_a_new_process(tmp_path):
        from_elsewhere = participant("inpainters", "flat")
    plugin.set_version("0.2")
    with (
        as_a_new_process(tmp_path),
        pytest.raises(PluginError, match=r"flat-plugin 0\.2.*flat-plugin 0\.1.*every machine"),
    ):
        from_elsewhere.load_inpainter("cpu")


def test_every_model_of_the_package_has_its_own_code() -> None:
    codes = [code_of(e) for kind in ("inpainters", "detectors") for e in registry.entries(kind).values()]
    assert len({code.sha256 for code in codes}) == len(codes)


def test_shared_modules_and_the_engines_toolbox_count(monkeypatch: pytest.MonkeyPatch) -> None:
    from safebench.models import code

    seen: list[str] = []
    real = code._file_checksum

    def noted(path: Path) -> str:
        seen.append(path.as_posix())
        return real(path)

    monkeypatch.setattr(code, "_file_checksum", noted)
    code_of(registry.find("inpainters", "lama")[0])
    names = {"/".join(path.split("/")[-2:]) for path in seen}
    assert {"lama/adapter.py", "lama/network.py", "inpainters/_fourier.py", "toolbox/padding.py"} <= names
    assert not [name for name in names if name.startswith("read/") or "contracts" in name]


def test_a_module_that_is_imported_by_its_name_counts(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    plugin.write(f"{FLAT}/adapter.py", ADAPTER + 'import importlib\nimportlib.import_module("flat_plugin._unused")\n')
    before = _code(plugin)
    plugin.replace("flat_plugin/_unused.py", "1", "2")
    assert _code(plugin).sha256 != before.sha256
