"""What `safebench data prepare` says of published sets of forged pictures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from safebench.cli.app import app
from safebench.errors import DataError
from safebench.inputs.pictures import PUBLISHED, find_published, open_pictures
from safebench.inputs.pictures.prepare import prepare_pictures


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("SAFEBENCH_DATA", raising=False)


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)
def test_a_set_that_is_not_there_says_where_to_get_it_and_how_it_should_lie(tmp_path, published):
    with pytest.raises(DataError) as told:
        prepare_pictures(published, tmp_path / "nowhere")
    assert published.url in str(told.value)
    assert published.layout in str(told.value)


def test_what_lies_there_is_counted_and_its_place_remembered(tmp_path):
    for name in ("image/1.tif", "image/1t.tif", "image/2t.tif", "mask/1forged.tif"):
        path = Path(tmp_path, name)
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4)).save(path)
    result = CliRunner().invoke(app, ["data", "prepare", "coverage", "--from", str(tmp_path)])
    assert result.exit_code == 0
    assert result.output.splitlines()[0].startswith("coverage: 2 of its 100 forged pictures")
    assert "with a mask: 1; with their original: 1; authentic pictures: 1" in result.output
    assert "1 of 2 forged pictures have no mask of their name (image/2t.tif)" in result.output
    assert len(open_pictures("coverage").forged) == 2
    coverage = find_published("coverage")
    assert coverage is not None
    assert prepare_pictures(coverage, None)[0].endswith(str(tmp_path))
