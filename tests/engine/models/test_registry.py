"""Names are found in any spelling, cards are checked, and somebody else's models come in by the same door."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from safebench.errors import CardError, UnknownNameError
from safebench.models import registry
from safebench.models.cards import parse_card

from ..with_plugin import in_python


@pytest.mark.parametrize("spelling", ["navier-stokes", "Navier_Stokes", "NAVIERSTOKES", "navier stokes"])
def test_a_name_is_found_in_any_spelling(spelling):
    assert registry.find("inpainters", spelling)[0].name == "navier-stokes"


def test_what_follows_the_colon_is_the_variant():
    entry, variant = registry.find("inpainters", "telea:some/File.pt")
    assert (entry.name, variant) == ("telea", "some/File.pt")
    assert [registry.find("inpainters", f"edge-connect:{v}")[1] for v in ("CelebA", "PLACES2", "")] == [
        "celeba",
        "places2",
        "",
    ]


def test_a_wrong_name_gets_the_nearest_right_ones():
    with pytest.raises(UnknownNameError, match="did you mean telea"):
        registry.find("inpainters", "tela")


def test_every_card_has_what_a_reader_looks_for():
    for kind in ("inpainters", "detectors"):
        for entry in registry.entries(kind).values():
            card = entry.card
            assert card.summary.endswith("."), entry.name
            assert card.family == "control" or card.paper or card.notes, f"{entry.name}: neither paper nor notes"


CARD = 'name = "x"\ntitle = "X"\nsummary = "An x."\nfamily = "network"\n'


def test_a_card_is_read():
    card = parse_card(CARD + '[[weights]]\nfile = "x.pth"\nvariant = "places2"\n', "here")
    assert card.variants == ("places2",)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (CARD + 'flavour = "vanilla"\n', "flavour"),
        (CARD.replace('"network"', '"magic"'), "family"),
        (CARD.replace('title = "X"\n', ""), "title"),
        (CARD + "[input]\nfixed_size = 256\n", "fixed_size"),
        ("name = ", "Invalid"),
    ],
)
def test_a_card_that_breaks_the_schema_is_refused(text, complaint):
    with pytest.raises(CardError, match=complaint) as caught:
        parse_card(text, "here/card.toml")
    assert "here/card.toml" in str(caught.value)


def test_a_third_partys_models_come_in_and_the_broken_ones_are_skipped_with_a_warning(plugin, tmp_path):
    result = in_python(
        plugin,
        """
        from safebench.models import registry
        names = registry.entries("inpainters")
        assert "mean-fill" in names and "telea" in names and "broken" in names
        assert "bad-card" not in names and "nowhere" not in names
        assert registry.find("inpainters", "Meanie")[0].package == "safebench-fake"
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert "'bad-card'" in result.stderr
    assert "flavour" in result.stderr
    assert "'nowhere'" in result.stderr


PYTEST = "import pytest, sys; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '.']))"


def test_a_third_partys_models_pass_the_contract_suites(plugin, tmp_path):
    (tmp_path / "test_theirs.py").write_text(
        textwrap.dedent(
            """
            from safebench.testing import DetectorContract, InpainterContract

            class TestFill(InpainterContract):
                name = "mean-fill"
            """
        )
    )
    result = in_python(plugin, PYTEST, tmp_path)
    assert result.returncode == 0, result.stdout


def test_the_contract_suite_catches_one_that_breaks_it(plugin, tmp_path):
    """Batch-dependent, hole-peeking or out-of-range answers do not pass."""
    (tmp_path / "test_cheat.py").write_text(
        textwrap.dedent(
            """
            import pytest
            from safebench.testing import InpainterContract
            from safebench_fake.mean_fill.adapter import Adapter

            @pytest.fixture(autouse=True)
            def cheat(monkeypatch):
                monkeypatch.setattr(Adapter, "inpaint", lambda self, images, masks: images + images.mean())

            class TestCheat(InpainterContract):
                name = "mean-fill"
            """
        )
    )
    result = in_python(plugin, PYTEST, tmp_path)
    assert result.returncode == 1
    assert "leaves [0, 1]" in result.stdout


def test_one_that_fails_to_import_says_what_would_help(plugin, tmp_path):
    result = in_python(
        plugin,
        """
        from safebench import load_inpainter
        from safebench.errors import PluginError
        try:
            load_inpainter("broken")
        except PluginError as error:
            assert "safebench[unobtainable]" in str(error), error
        else:
            raise SystemExit("no error")
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr


def test_all_takes_theirs_too_and_files_go_to_the_detector_that_reads_files(plugin, tmp_path):
    result = in_python(
        plugin,
        """
        import safebench
        results = safebench.run(
            inpainters=["mean-fill"], detectors=["file-reader"], limit=2, bins="10-20", size=64, out="run"
        )
        rows = results.stored.detection
        assert (rows["error"] == "").all(), rows["error"].unique()
        assert set(rows["inpainter"]) == {"mean-fill", "original"}
        assert rows["score"].between(0, 1).all() and rows["score"].nunique() == len(rows)
        """,
        tmp_path,
    )
    assert result.returncode == 0, result.stderr


def test_listing_imports_no_torch():
    code = "import sys; from safebench.cli.listing import show; show(None); sys.exit('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "telea" in result.stdout
