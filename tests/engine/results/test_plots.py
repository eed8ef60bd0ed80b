"""Figures of a run: what they hold, what they refuse, and names that try to be formulas."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import safebench
from safebench.errors import ConfigError, PluginError, UnknownNameError

from ...reports.making import FEW, Maker, usual_inpainters

matplotlib = pytest.importorskip("matplotlib", reason="needs the extra [plot]")
NAME = "_$x^2$_\\frac{"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    lost = {"jpeg:75": {"sharp": 0.05, "blunt": 0.0}, "jpeg:50": {"sharp": 0.15, "blunt": 0.1}}
    named = {NAME: usual_inpainters()["beta"], **usual_inpainters()}
    Maker(folder, inpainters=named, lost=lost, whole={"sharp": 0.2, "blunt": 0.1}, photos=FEW).write()
    return safebench.open_run(folder)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def lines(axes):
    """The points of each line, in the order of the legend."""
    return [list(held[0].get_ydata()) for held in axes.containers]


def ticks(axes):
    return [text.get_text() for text in axes.get_xticklabels()]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_bins_have_a_panel_for_each_detector_and_a_line_for_each_inpainter(run):
    figure = run.plot()
    assert isinstance(figure, matplotlib.figure.Figure)
    assert [axes.get_title() for axes in panels(figure)] == ["sharp", "blunt"]
    assert ticks(panels(figure)[0]) == ["10–20%", "30–40%"]
    assert legend(figure)[1:] == ["alpha", "beta", "gamma", "copy", "noise"], "controls last"
    cells = run.detection_cells.query("postprocess == 'none' and assembly == 'spliced' and detector == 'blunt'")
    drawn = lines(panels(figure)[1])[legend(figure).index("alpha")]
    expected = cells.query("inpainter == 'alpha'").set_index("bin").loc[["10-20", "30-40"]]
    assert drawn == pytest.approx(expected["auc"].tolist())
    ends = panels(figure)[1].containers[1][2][0].get_segments()[0][:, 1]
    assert list(ends) == pytest.approx(expected.loc["10-20", ["auc_low", "auc_high"]].tolist())


def test_lines_are_told_apart_without_colour(run):
    for axes in panels(run.plot()):
        looks = [(held[0].get_marker(), str(held[0]._unscaled_dash_pattern)) for held in axes.containers]
        assert len({marker for marker, _ in looks}) == len(looks)
        assert len({dashes for _, dashes in looks}) == min(5, len(looks))


def test_robustness_goes_from_mild_to_strong_with_a_line_for_each_detector(run):
    figure = run.plot("robustness")
    [axes] = panels(figure)
    assert (axes.get_title(), ticks(axes)) == ("jpeg", ["none", "75", "50"])
    assert legend(figure) == ["sharp", "blunt"]
    rows = run.detection.query("~control and assembly == 'spliced' and detector == 'sharp'")
    by_condition = rows.groupby("postprocess")["auc"].mean()
    assert lines(axes)[0] == pytest.approx(by_condition.loc[["none", "jpeg:75", "jpeg:50"]].tolist())


def test_spliced_stands_beside_regenerated(run):
    [axes] = panels(run.plot("assembly", "f1"))
    assert ticks(axes) == ["spliced", "regenerated"]
    rows = run.detection.query("~control and postprocess == 'none' and detector == 'blunt'")
    means = rows.groupby("assembly")["f1"].mean()
    assert lines(axes)[1] == pytest.approx([means["spliced"], means["regenerated"]])


def test_quality_is_one_panel_and_what_has_no_value_no_line(run):
    figure = run.plot(metric="psnr")
    assert len(panels(figure)) == 1
    assert "copy" not in legend(figure), "identical to the photo: infinite"


def test_a_name_is_no_formula_and_a_notebook_shows_the_figure(run):
    figure = run.plot()
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert legend(figure)[0].replace("\\$", "$") == NAME


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("pie",), ConfigError, "there are bins, robustness, assembly"),
        (("bins", "acc"), UnknownNameError, "'acc' is no metric that can be drawn here; there are psnr"),
        (("robustness", "psnr"), UnknownNameError, "'psnr' is no metric"),
    ],
)
def test_what_cannot_be_drawn_is_told(run, arguments, error, says):
    with pytest.raises(error, match=says):
        run.plot(*arguments)


def test_a_plain_run_has_no_curves_and_is_told_how_to_get_them(tmp_path):
    Maker(tmp_path / "run", photos=FEW[:1]).write()
    run = safebench.open_run(tmp_path / "run")
    with pytest.raises(ConfigError, match="--postprocess none,jpeg:90"):
        run.plot("robustness")
    with pytest.raises(ConfigError, match="--assembly spliced,regenerated"):
        run.plot("assembly")
    figure: Any = run.plot()
    assert figure._repr_png_(), "one photo has no intervals"


def test_without_matplotlib_a_sentence_says_what_to_install(run, monkeypatch):
    monkeypatch.delitem(sys.modules, "safebench.results.plots", raising=False)
    for name in ("matplotlib", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PluginError, match=r"figures need matplotlib .*pip install 'safebench\[plot\]'"):
        run.plot()
