from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from safebench.protocol import ORIGINAL
from safebench.results.claims import Claims
from safebench.results.results import Tables
from safebench.results.verdict import finds_most, least_detectable
from safebench.runs import schema
from safebench.runs.record import ModelRecord, Photos, RunRecord

BINS = ("10-20", "30-40")
PLACE = ("a", "none", "all")


def tables(found, photos=24, detectors=("x", "w"), independent=None):
    """Tables of one data set.

    found: by inpainter, or by inpainter and detector, the pixel AUC and the score of its images, about which they
    vary; originals score 0.3 or so.
    """
    generator = np.random.default_rng(0)
    names = [f"photo {k:02d}" for k in range(photos)]
    samples = pd.DataFrame(
        [{"sample": f"{name}.{b}", "photo": name, "dataset": "a", "bin": b} for name in names for b in BINS],
        columns=list(schema.SAMPLES),
    )
    inpainters = dict.fromkeys(key[0] if isinstance(key, tuple) else key for key in found)
    quality, detection = [], []
    for row in samples.to_dict("records"):
        kept = {key: row[key] for key in ("sample", "photo", "dataset", "bin")}
        for name in inpainters:
            quality.append(
                {
                    **kept,
                    "inpainter": name,
                    "assembly": "spliced",
                    "psnr": generator.normal(25),
                    "error": "",
                    "error_step": "",
                }
            )
            for detector in detectors:
                auc, score = found.get((name, detector)) or found[name]
                one = {**kept, "inpainter": name, "detector": detector, "auc": auc + generator.normal(0, 0.05)}
                detection.append({**one, "score": score + generator.normal(0, 0.1)})
    for name in names:
        for detector in detectors:
            one = {"sample": name, "photo": name, "dataset": "a", "bin": "", "inpainter": ORIGINAL}
            detection.append({**one, "detector": detector, "score": 0.3 + generator.normal(0, 0.1)})
    seen = pd.DataFrame(detection).assign(assembly="spliced", postprocess="none", error="", error_step="")
    seen["flagged"] = (seen["score"] >= 0.5).astype(float)
    models = {name: ModelRecord(identity=name, family="control" if name == "noise" else "blind") for name in inpainters}
    record = RunRecord(inpainters=models, photos=Photos(independent=independent))
    numbers = schema.metric_columns("quality")
    stored = pd.DataFrame(quality).reindex(columns=list(schema.QUALITY)).astype(dict.fromkeys(numbers, float))
    numbers = schema.metric_columns("detection")
    return Tables(
        record, samples, stored, seen.reindex(columns=list(schema.DETECTION)).astype(dict.fromkeys(numbers, float))
    )


def fail(found, step, where):
    """The rows of both tables that are chosen fail in a step."""
    for name in ("quality", "detection"):
        frame = getattr(found, name)
        rows = where(frame)
        frame.loc[rows, ["error", "error_step"]] = ["it went wrong", step]
        frame.loc[rows, [column for column in frame if frame[column].dtype == np.float64]] = math.nan
    return found


def verdict(found):
    return " ".join(map(str, least_detectable(Claims(found), "a")))


CHANCE = (0.5, 0.3)
CLEAR = (0.8, 0.7)


def test_the_least_detectable_is_named_with_both_kinds_of_evidence():
    said = verdict(tables({"telea": CLEAR, "lama": (0.6, 0.5), "noise": CHANCE}))
    assert said.startswith("Least detectable: lama. The most that is found of it: pixel AUC 0.6")
    assert "image AUC 0." in said
    assert "Next is telea with pixel AUC 0." in said
    assert "noise" not in said
    assert "chance" not in said


@pytest.mark.parametrize(("photos", "few"), [(4, True), (19, True), (20, False)])
def test_below_twenty_photos_nobody_is_named(photos, few):
    found = tables({"telea": CLEAR, "lama": CHANCE}, photos)
    assert (verdict(found) == f"Too few to say which inpainter is least detectable: {photos} photos, and ranking or "
            "naming takes 20.") == few  # fmt: skip
    claims = Claims(found)
    assert {claims.ranked(cell) for cell in found.detection_cells.to_dict("records")} == {not few}


def test_crops_of_few_photos_are_few_photos():
    assert "6 photos" in verdict(tables({"telea": CLEAR, "lama": CHANCE}, independent=6))


@pytest.mark.parametrize(
    ("found", "at_chance"),
    [
        ({"lama": CHANCE}, True),
        ({"lama": (0.5, 0.45)}, False),  # at chance in pixels, and told as a whole: image AUC about 0.85
        ({"lama": (0.6, 0.3)}, False),
        ({("lama", "x"): (0.55, 0.3), ("lama", "w"): (0.5, 0.45)}, False),  # told by the other detector
        ({("lama", "x"): CHANCE, ("lama", "w"): (0.2, 0.3)}, False),  # inverted: the trace is there
        ({("lama", "x"): CHANCE, ("lama", "w"): (0.5, 0.1)}, False),  # likewise by whole images
    ],
)
def test_chance_takes_pixels_images_and_the_rate_at_five_percent_by_every_detector(found, at_chance):
    said = verdict(tables({**found, "telea": CLEAR}, photos=40))
    assert ("No detector tells it from chance" in said) == at_chance


def test_where_pixels_and_images_disagree_nobody_is_named():
    said = verdict(tables({"telea": (0.6, 0.7), "lama": (0.7, 0.4)}))
    assert said.startswith("No inpainter is least detectable in both ways: by pixels it is telea (pixel AUC 0.")
    assert "by whole images lama (pixel AUC 0." in said


def test_who_met_fewer_detectors_is_compared_with_nobody():
    found = tables({"telea": CLEAR, "lama": (0.6, 0.5), "fcf": CHANCE})
    found.detection = found.detection[(found.detection["inpainter"] != "fcf") | (found.detection["detector"] == "x")]
    claims = Claims(found)
    assert claims.gap(PLACE, "fcf") == "met 1 of 2 detectors"
    assert [each.inpainter for each in claims.evidence(PLACE)] == ["lama", "telea"]
    assert "fcf" not in verdict(found)


def test_who_failed_on_an_image_is_compared_with_nobody():
    found = tables({"telea": CLEAR, "lama": (0.6, 0.5), "fcf": CHANCE})
    fail(found, "inpaint", lambda rows: (rows["inpainter"] == "fcf") & (rows["sample"] == "photo 03.10-20"))
    claims = Claims(found)
    assert claims.gap(PLACE, "fcf") == "1 of 48 images failed before w"
    assert claims.gap(("a", "none", "30-40"), "fcf") == ""
    assert verdict(found).startswith("Least detectable: lama.")


def test_a_photo_that_cannot_be_read_is_nobodys_failure():
    found = tables({"telea": CLEAR, "lama": (0.6, 0.5)})
    fail(found, "read", lambda rows: rows["photo"] == "photo 03")
    claims = Claims(found)
    assert [claims.gap(PLACE, name) for name in ("telea", "lama")] == ["", ""]
    assert all(not claims.detector_gap(cell) for cell in found.detection_cells.to_dict("records"))
    assert verdict(found).startswith("Least detectable: lama.")


def test_a_detector_that_failed_everywhere_keeps_nobody_from_being_compared():
    found = tables({"telea": CLEAR, "lama": (0.6, 0.5)})
    fail(found, "detect", lambda rows: rows.get("detector", pd.Series("", rows.index)) == "w")
    claims = Claims(found)
    assert claims.panel(PLACE) == ["x"]
    assert verdict(found).startswith("Least detectable: lama.")


def test_a_detector_that_failed_on_an_original_is_compared_with_no_other():
    found = tables({"telea": CLEAR})
    where = (found.detection["inpainter"] == ORIGINAL) & (found.detection["detector"] == "w")
    fail(
        found,
        "detect",
        lambda rows: where & (rows["photo"] == "photo 01") if "detector" in rows else [False] * len(rows),
    )
    gaps = {cell["detector"]: Claims(found).detector_gap(cell) for cell in found.detection_cells.to_dict("records")}
    assert gaps == {"x": "", "w": "1 original failed or missing"}


def test_missing_samples_are_counted_against_the_plan():
    found = tables({"telea": CLEAR, "lama": CHANCE})
    for name in ("quality", "detection"):
        rows = getattr(found, name)
        setattr(found, name, rows[(rows["inpainter"] != "lama") | (rows["sample"] != "photo 03.10-20")])
    assert Claims(found).gap(PLACE, "lama") == "1 of 48 images missing before w"
    assert verdict(found).startswith("One inpainter ranked: telea.")


def test_an_order_is_settled_by_the_paired_difference():
    claims = Claims(tables({"telea": CLEAR, "lama": (0.6, 0.5), "fcf": (0.602, 0.5)}, detectors=("x",)))
    by_name = {each.inpainter: each for each in claims.evidence(PLACE)}
    assert claims.order(by_name["lama"], by_name["telea"]).settled
    assert not claims.order(by_name["lama"], by_name["fcf"]).settled
    assert "their order is not settled here" in verdict(claims.tables)


def test_the_detector_that_finds_most_does_so_in_both_ways():
    found = tables({("telea", "x"): (0.8, 0.7), ("telea", "w"): (0.7, 0.4)})
    cells = found.detection_cells.query("bin == 'all'").to_dict("records")
    [said] = map(str, finds_most(Claims(found), cells))
    assert said.startswith("Finds most: x, pixel AUC 0.")
    found = tables({("telea", "x"): (0.8, 0.4), ("telea", "w"): (0.7, 0.6)})
    cells = found.detection_cells.query("bin == 'all'").to_dict("records")
    [said] = map(str, finds_most(Claims(found), cells))
    assert said.startswith("No detector finds most in both ways: by pixels it is x (")
    few = tables({"telea": CLEAR}, photos=5)
    [said] = map(str, finds_most(Claims(few), few.detection_cells.to_dict("records")))
    assert said == "Too few to say which detector finds most: 5 photos, and ranking or naming takes 20."


def test_without_originals_nothing_is_said_of_whole_images():
    found = tables({"telea": CLEAR, "lama": CHANCE})
    found.detection = found.detection[found.detection["inpainter"] != ORIGINAL]
    assert "no originals were scored, so nothing is known of whole images" in verdict(found)
    assert "No detector tells it from chance" not in verdict(found)


def test_hostile_names_stay_parts_of_a_sentence():
    said = least_detectable(Claims(tables({"{0}{x}<b>": CLEAR, "lama{": CHANCE})), "a")
    assert "Next is {0}{x}<b> with" in str(said[-1])
    assert all("<b>" not in sentence.template for sentence in said)


def test_whole_pictures_beside_spliced_ones_change_no_verdict():
    found = tables({"telea": CLEAR, "lama": (0.6, 0.5)})
    found.quality["assembly"] = "spliced"
    found.detection["assembly"] = found.detection["inpainter"].map(lambda name: "" if name == ORIGINAL else "spliced")
    said = verdict(found)
    for name in ("quality", "detection"):
        rows = getattr(found, name)
        whole = rows[rows["assembly"] == "spliced"].assign(assembly="regenerated")
        if name == "detection":
            whole = whole.assign(auc=0.5, score=0.9, flagged=1.0)
        setattr(found, name, pd.concat([rows, whole], ignore_index=True))
    assert verdict(found) == said
    assert said.startswith("Least detectable: lama.")
