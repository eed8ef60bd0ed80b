"""Lists of photos and pictures to leave out."""

from __future__ import annotations

import pytest

from safebench.errors import ConfigError
from safebench.inputs.exclusion import can_be_listed, read_exclusion
from safebench.inputs.images import save_png
from safebench.route.plan import make_plan
from safebench.runs.config import make_config
from safebench.testing import inputs

NAMES = ["1.png", "a/1.png", "b/2.png"]


def test_a_line_is_a_whole_name_or_where_there_is_none_a_files_own(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# these\n\n1.png\n./b\\2.png\n2.png\nc.png\n", "utf-8")
    found = read_exclusion(path, NAMES)
    assert found.names == {"1.png", "b/2.png"}, "a/1.png is another, since one is called 1.png"
    assert found.strangers == ("c.png",)
    path.write_text("1.png\n", "utf-8")
    assert read_exclusion(path, ["a/1.png", "b/1.png"]).names == {"a/1.png", "b/1.png"}


@pytest.mark.parametrize(
    ("name", "can"), [("a/ü 1.png", True), ("a\nb.png", False), ("#1.png", False), (" a.png", False), ("", False)]
)
def test_a_name_that_no_line_can_hold_is_known(name, can):
    assert can_be_listed(name) is can


def test_a_run_leaves_photos_out_and_says_so(tmp_path):
    for k, photo in enumerate(inputs.photos(3, (40, 40))):
        save_png(tmp_path / "photos" / f"{k}.png", photo)
    (tmp_path / "list.txt").write_text("1.png\nnone.png\n", "utf-8")
    options = {"inpainters": ["telea"], "images": str(tmp_path / "photos"), "size": 40, "bins": "10-20"}
    plan = make_plan(make_config({**options, "exclude": str(tmp_path / "list.txt")}))
    assert [sample.photo_name for sample in plan.samples] == ["0.png", "2.png"]
    assert [remark.partition(": ")[2] for remark in plan.remarks] == [
        "1 photos are left out",
        "1 of its lines name no photo (none.png)",
    ]
    without = make_plan(make_config(options))
    assert {sample.key for sample in plan.samples} < {sample.key for sample in without.samples}
    with pytest.raises(ConfigError, match="cannot be read"):
        make_plan(make_config({**options, "exclude": str(tmp_path / "absent.txt")}))
