"""Forged pictures by lists, by folders told by their names, and by the names of published sets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from safebench.errors import ConfigError, DataError, UnknownNameError
from safebench.inputs.photos.locations import record
from safebench.inputs.pictures import PUBLISHED, find_published, open_pictures
from safebench.inputs.pictures.holes import HoleReader
from safebench.inputs.pictures.masks import PictureMasks
from safebench.route.picture_plan import make_picture_plan
from safebench.runs.config import make_config


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFEBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.delenv("SAFEBENCH_DATA", raising=False)


def files(root: Path, *names: str) -> Path:
    """Tiny images; what they show is no matter here."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path, {".jpg": "JPEG", ".tif": "TIFF"}.get(path.suffix, "PNG"))
    return root


def told(found) -> dict[str, tuple[str, str, str]]:
    """Of each forged picture its mask (below the set's folder), its original and who made it."""
    return {
        p.name: (p.mask.relative_to(found.root).as_posix() if p.mask else "", p.original, p.generator)
        for p in found.forged
    }


def test_a_json_list_pairs_pictures_with_masks_or_says_negative(tmp_path):
    files(tmp_path, "Tp/6.jpg", "Gt/6.png", "Au/8.jpg")
    pairs = [["./Tp/6.jpg", "./Gt/6.png"], ["./Au/8.jpg", "Negative"]]
    (tmp_path / "casia.json").write_text(json.dumps(pairs), "utf-8")
    found = open_pictures(str(tmp_path / "casia.json"))
    assert told(found) == {"Tp/6.jpg": ("Gt/6.png", "", "casia")}
    assert list(found.authentic) == ["Au/8.jpg"]


def test_whole_paths_in_a_list_are_called_by_what_tells_them_apart(tmp_path):
    files(tmp_path, "set/Tp/6.jpg", "set/Gt/6.png", "set/Au/8.jpg")
    pairs = [
        [str(tmp_path / "set/Tp/6.jpg"), str(tmp_path / "set/Gt/6.png")],
        [str(tmp_path / "set/Au/8.jpg"), "Negative"],
    ]
    (tmp_path / "list.json").write_text(json.dumps(pairs), "utf-8")
    found = open_pictures(str(tmp_path / "list.json"))
    assert [p.name for p in found.forged] == ["Tp/6.jpg"]
    assert list(found.authentic) == ["Au/8.jpg"]


def test_masks_of_one_name_in_two_folders_are_two_masks(tmp_path):
    """As in lists that name files all over a disk."""
    folders = [tmp_path / "deep" / "list", tmp_path / "x", tmp_path / "y"]
    for folder in folders:
        files(folder, "a.png", "mask.png")
    rows = [f"{folder}/a.png,{folder}/mask.png" for folder in folders[1:]]
    (folders[0] / "list.csv").write_text("\n".join(["picture,mask", "a.png,mask.png", *rows]), "utf-8")
    found = open_pictures(str(folders[0] / "list.csv"))
    masks = PictureMasks(found, HoleReader())
    assert [p.name for p in found.forged] == ["a.png", "x/a.png", "y/a.png"]
    assert len({masks.name_of(picture, found.root) for picture in found.forged}) == 3
    (folders[0] / "whole.csv").write_text("\n".join(["picture,mask", *rows]), "utf-8")
    whole = open_pictures(str(folders[0] / "whole.csv"))
    masks = PictureMasks(whole, HoleReader())
    assert [masks.name_of(picture, whole.root) for picture in whole.forged] == ["x/mask.png", "y/mask.png"]


def test_a_text_list_has_picture_mask_and_label(tmp_path):
    files(tmp_path, "a.tif", "a_mask.jpg", "b.tif")
    (tmp_path / "list.txt").write_text("./a.tif ./a_mask.jpg 1\n\n./b.tif None 0\n", "utf-8")
    found = open_pictures(str(tmp_path / "list.txt"))
    assert told(found) == {"a.tif": ("a_mask.jpg", "", "list")}
    assert list(found.authentic) == ["b.tif"]


def test_a_csv_names_its_columns_and_its_paths_may_begin_above_it(tmp_path):
    files(tmp_path, "set/a.png", "set/m.png", "set/o.png", "set/b.png")
    text = "image,mask,original,model,mask_type\nset/a.png,set/m.png,set/o.png,SD2,bbox\nset/b.png,,,,\n"
    (tmp_path / "set" / "list.csv").write_text(text, "utf-8")
    found = open_pictures(str(tmp_path / "set" / "list.csv"))
    [picture] = found.forged
    assert (picture.generator, picture.original, picture.mask_type) == ("SD2", "set/o.png", "bbox")
    assert sorted(found.authentic) == ["set/b.png", "set/o.png"]
    assert found.remarks == [
        f"{tmp_path}/set/list.csv: 1 of its lines have neither mask nor label, and count as authentic"
    ]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("l.json", '[["a.png", ""]]', True),
        ("l.json", '[["a.png", "Negative"]]', False),
        ("l.csv", "picture,mask,label\na.png,,0\n", False),
        ("l.csv", "picture,mask,label\na.png,,\n", True),
        ("l.csv", "picture,mask\na.png,None\n", False),
    ],
)
def test_what_only_lacks_a_mask_is_told_to_count_as_authentic(tmp_path, name, text, told):
    files(tmp_path, "a.png")
    (tmp_path / name).write_text(text, "utf-8")
    found = open_pictures(str(tmp_path / name))
    assert list(found.authentic) == ["a.png"]
    assert any("neither mask nor label" in remark for remark in found.remarks) is told


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("l.json", "{}", "is no list of pictures"),
        ("l.json", '[["a.png"]]', "is no picture with its mask"),
        ("l.json", "[", "no JSON"),
        ("l.txt", "a.png a_mask.png\n", "line 1: 'a.png a_mask.png' is not PICTURE MASK LABEL"),
        ("l.txt", "a.png None 1\n", "forged by its label, and has no mask"),
        ("l.csv", "picture,original\na.png,b.png\n", "has to name the columns picture and mask"),
        ("l.csv", "picture,mask\na.png\n", "line 2: has fewer fields than its first line names"),
        ("l.csv", "picture,mask,label\na.png,,1\n", "forged by its label, and has no mask"),
        ("l.txt", "elsewhere.png m.png 1\n", "its pictures are not there"),
        ("l.txt", "", "no picture in this list"),
        ("l.doc", "", "lists end in .json, .csv or .txt"),
    ],
)
def test_a_list_that_cannot_be_read_says_what_it_has_to_be(tmp_path, name, text, why):
    files(tmp_path, "a.png")
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(DataError, match=why):
        open_pictures(str(tmp_path / name))


@pytest.mark.parametrize(
    ("forged", "masks", "authentic"),
    [
        ("Tp", "Gt", "Au"),
        ("fake", "mask", "real"),
        ("forged", "masks", "originals"),
        ("Tp", "CASIA 2 Groundtruth", "Au"),
    ],
)
def test_folders_are_told_by_their_names(tmp_path, forged, masks, authentic):
    files(tmp_path, f"{forged}/a.jpg", f"{masks}/a_mask.png", f"{authentic}/a.jpg", f"{authentic}/z.jpg")
    found = open_pictures(str(tmp_path))
    assert told(found) == {f"{forged}/a.jpg": (f"{masks}/a_mask.png", f"{authentic}/a.jpg", tmp_path.name)}
    assert sorted(found.authentic) == [f"{authentic}/a.jpg", f"{authentic}/z.jpg"]


def test_a_folder_below_stands_for_who_made_it_and_masks_are_found_there_or_once_for_all(tmp_path):
    files(tmp_path, "fake/lama/a.png", "fake/mat/a.png", "masks/lama/a.png", "masks/mat/a.png", "real/a.png")
    assert told(open_pictures(str(tmp_path))) == {
        "fake/lama/a.png": ("masks/lama/a.png", "real/a.png", "lama"),
        "fake/mat/a.png": ("masks/mat/a.png", "real/a.png", "mat"),
    }


def test_pictures_without_a_mask_of_their_name_are_told_and_never_paired_by_order(tmp_path):
    files(tmp_path, "Tp/a.png", "Tp/b.png", "Gt/a_gt.png", "Gt/x.png")
    found = open_pictures(str(tmp_path))
    assert told(found)["Tp/b.png"] == ("", "", tmp_path.name)
    assert found.remarks == ["1 of 2 forged pictures have no mask of their name (Tp/b.png)"]
    (tmp_path / "Gt" / "a_gt.png").unlink()
    with pytest.raises(DataError, match="no forged picture has a mask of its name"):
        open_pictures(str(tmp_path))


def test_photos_with_masks_are_no_forged_pictures(tmp_path):
    files(tmp_path, "images/a.png", "masks/a.png")
    with pytest.raises(DataError, match="its folders are images, masks"):
        open_pictures(str(tmp_path))


def test_a_list_of_faulty_pictures_leaves_them_out_and_says_what_it_does_not_name(tmp_path):
    files(tmp_path, "Tp/a.png", "Tp/b.png", "Gt/a.png", "Gt/b.png", "Au/a.png")
    (tmp_path / "faulty.txt").write_text("# known\nTp/b.png\nAu/a.png\nc.png\n", "utf-8")
    found = open_pictures(str(tmp_path), str(tmp_path / "faulty.txt"))
    assert told(found) == {"Tp/a.png": ("Gt/a.png", "", tmp_path.name)}
    assert (found.excluded, len(found.exclusion), found.authentic) == (2, 64, {})
    assert "1 of its lines name no picture (c.png)" in found.remarks[-1]
    with pytest.raises(ConfigError, match="cannot be read"):
        open_pictures(str(tmp_path), str(tmp_path / "none.txt"))


LAYOUTS = {
    "tgif": (
        ["masks/testing/17_mask_bbox.png", "original/testing/17.png", "SD2-sp/testing/17_mask_bbox.png_sd2_0.png"],
        {
            "SD2-sp/testing/17_mask_bbox.png_sd2_0.png": (
                "masks/testing/17_mask_bbox.png", "original/testing/17.png", "SD2-sp",
            )
        },
    ),
    "cocoglide": (
        ["fake/glide_inpainting_val2017_1148_up.png", "mask/dining table_1148_mask.png", "real/dining table_1148.png"],
        {
            "fake/glide_inpainting_val2017_1148_up.png": (
                "mask/dining table_1148_mask.png", "real/dining table_1148.png", "GLIDE",
            )
        },
    ),
    "autosplice": (
        ["Authentic/12.jpg", "Forged_JPEG75/12_0.jpg", "Forged_JPEG90/12_0.jpg", "Mask/12_mask.png"],
        {
            "Forged_JPEG75/12_0.jpg": ("Mask/12_mask.png", "Authentic/12.jpg", "DALL-E 2 JPEG75"),
            "Forged_JPEG90/12_0.jpg": ("Mask/12_mask.png", "Authentic/12.jpg", "DALL-E 2 JPEG90"),
        },
    ),
    "br-gen": (
        ["Tp/LaMa/a.png", "Gt/a_mask.png", "Au/a.jpg"],
        {"Tp/LaMa/a.png": ("Gt/a_mask.png", "Au/a.jpg", "LaMa")},
    ),
    "casia": (
        ["Tp/Tp_D_1.jpg", "CASIA 2 Groundtruth/Tp_D_1_gt.png", "Au/Au_1.jpg"],
        {"Tp/Tp_D_1.jpg": ("CASIA 2 Groundtruth/Tp_D_1_gt.png", "", "casia")},
    ),
    "columbia": (
        ["4cam_splc/x_sub_1.tif", "4cam_splc/edgemask/x_sub_1_edgemask.jpg", "4cam_auth/y.tif"],
        {"4cam_splc/x_sub_1.tif": ("4cam_splc/edgemask/x_sub_1_edgemask.jpg", "", "splicing")},
    ),
    "coverage": (
        ["image/1.tif", "image/1t.tif", "mask/1forged.tif", "mask/1copy.tif"],
        {"image/1t.tif": ("mask/1forged.tif", "image/1.tif", "copy-move")},
    ),
    "imd2020": (
        [
            *("1a/c9_0.jpg", "1a/c9_0_mask.png", "1a/1a_orig.jpg"),
            *("z2/65_fake.jpg", "z2/65_fake_mask.png", "z2/65_orig.jpg"),
        ],
        {
            "1a/c9_0.jpg": ("1a/c9_0_mask.png", "1a/1a_orig.jpg", "real-life"),
            "z2/65_fake.jpg": ("z2/65_fake_mask.png", "z2/65_orig.jpg", "real-life"),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)
def test_published_sets_are_read_as_their_authors_lay_them_out(tmp_path, published):
    names, expected = LAYOUTS[published.name]
    files(tmp_path, *names)
    record(published.name, tmp_path)
    found = open_pictures(published.name)
    assert told(found) == expected
    assert f"{len(expected):,} of its {published.count:,}" in found.note
    assert all(path.is_file() for path in found.authentic.values())


def test_mask_types_and_repeated_pictures_of_tgif_are_told_apart(tmp_path):
    made = [f"SD2-fr/testing/17_mask_{kind}.png_sd2_{n}.png" for kind in ("bbox", "segm") for n in (0, 1)]
    masks = [f"masks/testing/17_mask_{kind}.png" for kind in ("bbox", "segm")]
    files(tmp_path, "original/testing/17.png", *masks, *made)
    found = open_pictures(str(tmp_path))
    assert found.kind == "tgif"
    assert [(p.mask_type, p.repeat) for p in found.forged] == [
        ("bbox", "0"),
        ("bbox", "1"),
        ("segm", "0"),
        ("segm", "1"),
    ]


def test_splits_of_tgif_have_names_of_their_own(tmp_path):
    for split, count in {"testing": 1, "validation": 2}.items():
        made = [f"SD2-fr/{split}/17_mask_bbox.png_sd2_{n}.png" for n in range(count)]
        files(tmp_path, f"original/{split}/17.png", f"masks/{split}/17_mask_bbox.png", *made)
    record("tgif", tmp_path)
    assert len(open_pictures("tgif").forged) == 1
    found = open_pictures("TGIF:validation")
    assert [len(found.forged), found.name, found.kind, found.sets] == [2, "tgif:validation", "tgif", ("tgif", "coco")]
    assert found.note == "2 forged pictures; the validation split"
    with pytest.raises(DataError, match="there is no forged picture in it"):
        open_pictures("tgif:training")
    with pytest.raises(UnknownNameError, match=r"no split of that name; there are tgif:validation, tgif:training"):
        open_pictures("tgif:test")
    with pytest.raises(UnknownNameError, match="it has none"):
        open_pictures("casia:testing")
    assert open_pictures(str(tmp_path)).name == "tgif"
    for path in tmp_path.rglob("testing/*"):
        path.unlink()
    assert open_pictures(str(tmp_path)).name == "tgif:validation"
    with pytest.raises(DataError, match="others are tgif:validation, tgif:training"):
        open_pictures("tgif")


def test_a_set_that_is_not_there_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SAFEBENCH_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"cocoglide: is not in .*grip-unina/TruFor.*data prepare cocoglide --from"):
        open_pictures("CocoGlide")


def test_names_are_spelt_forgivingly_and_strange_ones_guessed():
    assert find_published("BR_Gen") is find_published("br-gen")
    with pytest.raises(UnknownNameError, match="did you mean columbia"):
        open_pictures("colombia")


def test_a_run_says_what_was_remarked_of_its_list(tmp_path):
    files(tmp_path, "a.png", "m.png", "b.png")
    (tmp_path / "l.csv").write_text("picture,mask\na.png,m.png\nb.png,\n", "utf-8")
    plan = make_picture_plan(make_config({"pictures": str(tmp_path / "l.csv"), "detectors": ["laplacian"]}))
    assert any("1 of its lines have neither mask nor label" in sentence for sentence in plan.mask_set.problems)
