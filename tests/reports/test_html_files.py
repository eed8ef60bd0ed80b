"""What the HTML report writes: the gallery's pictures, the files that the page loads, and no markup of others."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safebench_reports._common import site as site_module
from safebench_reports._common.runs import records
from safebench_reports._common.words import number, web_address

from safebench.results.report_format import ReportFormat
from safebench.results.results import Results

from . import nasty
from .making import MakeRun
from .nasty import NASTY, nasty_run
from .reading import Page

CONDITIONS: dict[str, Any] = {
    "lost": {"jpeg:75": {"sharp": 0.1, "blunt": 0.2}},
    "whole": {"sharp": 0.1, "blunt": 0.2},
}


@pytest.fixture(scope="module")
def run(make_run: MakeRun) -> Results:
    return make_run("demo", pictures=2)


@pytest.fixture(scope="module")
def out(form: ReportFormat, run: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return form.write([run], tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def page(out: Path) -> Page:
    return Page(out / "index.html")


def test_the_gallery_holds_what_its_samples_have(page: Page, out: Path, run: Results) -> None:
    [shelf] = page.data["gallery-data"]
    assert [photo["name"] for photo in shelf["photos"]] == ["one.png", "two.png"]
    photo = shelf["photos"][0]
    sample = photo["samples"][1]
    composite = sample["composites"][0]
    assert (sample["bin"], composite["inpainter"]) == ("30–40%", "alpha")
    row = run.quality[(run.quality["sample"] == "photo0.30-40") & (run.quality["inpainter"] == "alpha")].iloc[0]
    assert ["PSNR (dB)", number(row["psnr"], 2)] in composite["figures"]
    assert (out / composite["picture"]).read_bytes() == (run.folder / row["composite"]).read_bytes()
    assert [found["detector"] for found in composite["detections"]] == ["sharp", "blunt"]
    assert [found["detector"] for found in photo["controls"]] == ["sharp", "blunt"]
    seen = run.detection[(run.detection["sample"] == "photo0.30-40") & (run.detection["inpainter"] == "alpha")]
    expected = seen[seen["detector"] == "sharp"].iloc[0]
    assert ["AUC", number(expected["auc"])] in composite["detections"][0]["figures"]
    with Image.open(out / composite["detections"][0]["map"]) as shown, Image.open(run.folder / expected["map"]) as map_:
        assert np.array_equal(np.asarray(shown), np.rint(np.asarray(map_) / 65535 * 255))
    with Image.open(out / sample["hole"]) as hole:
        assert np.array_equal(np.asarray(hole.convert("RGBA"))[..., 3] > 0, np.pad(np.ones((12, 12)), (8, 12)) > 0)


def test_the_gallery_shows_what_each_detector_was_shown(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    run = make_run(pictures=1, **CONDITIONS)
    [shelf] = Page(form.write([run], tmp_path)).data["gallery-data"]
    assert shelf["conditions"] == ["none", "jpeg:75"]
    assert shelf["assemblies"] == ["spliced", "regenerated"]
    photo = shelf["photos"][0]
    composites = {(found["inpainter"], found["assembly"]): found for found in photo["samples"][0]["composites"]}
    assert len(composites) == 3 * 2 + 2  # of controls there is one
    made = {(row["inpainter"], row["assembly"]): row for row in records(run.quality) if row["sample"] == "photo0.10-20"}
    names = ("inpainter", "assembly", "detector", "postprocess")
    seen = {tuple(row[key] for key in names): row for row in records(run.detection) if row["sample"] == "photo0.10-20"}
    for (inpainter, assembly), composite in composites.items():
        file = made[inpainter, assembly]["composite"]
        assert (tmp_path / composite["picture"]).read_bytes() == (run.folder / file).read_bytes()
        for found in composite["detections"]:
            row = seen[inpainter, assembly, found["detector"], found["condition"]]
            plain = found["condition"] == "none"
            kept = composite["picture"] if plain else found["shown"]
            assert found["shown"] == kept
            assert found["shown"].endswith(".png" if plain else ".jpg")
            assert plain or (tmp_path / kept).read_bytes() == (run.folder / row["picture"]).read_bytes()
            assert ["AUC", number(row["auc"])] in found["figures"]
            with Image.open(tmp_path / found["outline"]) as outline:
                assert outline.size == ((32, 32) if plain else (16, 16))  # the mask moved along
    assert {(found["detector"], found["condition"]) for found in photo["controls"]} == {
        (detector, condition) for detector in ("sharp", "blunt") for condition in ("none", "jpeg:75")
    }
    form.write([make_run()], tmp_path)
    assert not list((tmp_path / "gallery").iterdir())  # of another report at this place


def test_the_gallery_shows_how_sure_a_detector_is(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    run = make_run(pictures=1)
    told = run.detection["detector"] == "sharp"
    run.detection = run.detection.assign(confidence=run.detection["map"].where(told, ""))
    photo = Page(form.write([run], tmp_path)).data["gallery-data"][0]["photos"][0]
    for found in (photo["samples"][0]["composites"][0]["detections"], photo["controls"]):
        by_name = {one["detector"]: one["confidence"] for one in found}
        assert (tmp_path / by_name["sharp"]).is_file()
        assert by_name["blunt"] == ""


def test_the_page_loads_nothing_but_its_own_files(page: Page, out: Path) -> None:
    addresses = [
        values[key] for tag, values in page.elements for key in ("src", "href") if key in values and tag != "a"
    ]
    addresses += re.findall(r'"(gallery/[^"]+)"', (out / "index.html").read_text())
    assert len(addresses) > 20
    for address in addresses:
        assert re.fullmatch(r"(assets|gallery)/[A-Za-z0-9._-]+", address or "")
        assert (out / str(address)).is_file()
    policy = next(v["content"] or "" for _, v in page.elements if v.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_nothing_is_written_in_line(page: Page) -> None:
    for tag, values in page.elements:
        assert not any(name == "style" or name.startswith("on") for name in values), (tag, values)
        assert tag != "style"
        if tag == "script":
            assert "src" in values or values.get("type") == "application/json"


def test_nothing_from_a_run_becomes_markup(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    plain = Page(form.write([make_run(pictures=1, **CONDITIONS)], tmp_path / "plain"))
    page = Page(form.write([nasty_run(make_run, pictures=3, **nasty.CONDITIONS)], tmp_path / "nasty"))
    tags = {tag for tag, _ in page.elements}
    assert tags <= {tag for tag, _ in plain.elements} | {"tr", "td", "small", "code"}
    assert [values for tag, values in page.elements if tag == "script"] == [
        values for tag, values in plain.elements if tag == "script"
    ]
    for tag, values in page.elements:
        assert tag != "img"
        assert not any(name.startswith("on") for name in values)
        assert not (values.get("href") or "").startswith("javascript")
    for tried in NASTY:
        assert tried.split("\u2028")[0] in page.text
    assert page.data["gallery-data"][0]["photos"][2]["name"] == NASTY[2]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", path.name) for path in (tmp_path / "nasty" / "gallery").iterdir())


def test_a_table_cannot_name_a_file_outside_the_run(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    run = make_run(pictures=1)
    secret = run.folder.parent / "secret.png"
    secret.write_bytes((run.folder / "originals" / "photo0.png").read_bytes() + b"secret")
    run.samples["original"] = "../secret.png"
    run.quality["composite"] = str(secret)
    run.detection = run.detection.assign(postprocess="x", picture="../secret.png")
    page = Page(form.write([run], tmp_path))
    assert page.data["gallery-data"][0]["photos"][0]["original"] == ""
    assert page.data["gallery-data"][0]["photos"][0]["samples"][0]["composites"][0]["picture"] == ""
    shown = page.data["gallery-data"][0]["photos"][0]["samples"][0]["composites"][0]["detections"]
    assert {found["shown"] for found in shown} == {""}
    assert not any(b"secret" in path.read_bytes() for path in (tmp_path / "gallery").iterdir())


def test_pictures_that_are_gone_or_damaged_leave_a_gap(make_run: MakeRun, form: ReportFormat, tmp_path: Path) -> None:
    run = make_run(pictures=1)
    (run.folder / "maps/alpha/sharp/photo0.10-20.png").write_bytes(b"no picture")
    (run.folder / "maps/alpha/blunt/photo0.10-20.png").unlink()
    (run.folder / "masks/photo0.10-20.png").unlink()
    [shelf] = Page(form.write([run], tmp_path)).data["gallery-data"]
    sample = shelf["photos"][0]["samples"][0]
    assert sample["hole"] == ""
    assert [found["map"] for found in sample["composites"][0]["detections"]] == ["", ""]


def test_a_second_report_replaces_the_first_and_is_the_same(
    make_run: MakeRun, form: ReportFormat, tmp_path: Path
) -> None:
    run = make_run(pictures=1)
    first = form.write([run], tmp_path).read_bytes()
    before = {path.name for path in (tmp_path / "gallery").iterdir()}
    (tmp_path / "gallery" / "old.0123456789.png").write_bytes(b"of an earlier report")
    (tmp_path / "gallery" / "holiday.png").write_bytes(b"somebody's own")
    assert form.write([run], tmp_path).read_bytes() == first
    assert {path.name for path in (tmp_path / "gallery").iterdir()} == before | {"holiday.png"}


def test_vendored_libraries_are_those_that_the_licences_name() -> None:
    vendor = site_module.HERE / "vendor"
    told = (vendor / "LICENSES.txt").read_text()
    libraries = sorted(vendor.glob("*.js"))
    assert libraries
    for library in libraries:
        entry = told[told.index(f"{library.name}\n") :].split("\n\n")[0]
        assert hashlib.sha256(library.read_bytes()).hexdigest() in entry
    assert sum(path.stat().st_size for path in vendor.iterdir()) < 1_000_000


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "//evil", "ftp://x", "http://[", 7, None]
)
def test_only_web_addresses_become_links(address: object) -> None:
    assert web_address(address) == ""
    assert web_address("https://doi.org/10.1/x") == "https://doi.org/10.1/x"
