"""Local paths are taken out of what is shown; nothing else is."""

from __future__ import annotations

import pandas as pd
import pytest

from safebench.results.privacy import cleaned, cleaned_columns, without_paths


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/me/photos/a.png", "a.png"),
        ("/home/me/My Photos/of spring", "of spring"),
        ("see /home/me/x y/b.png: broken", "see b.png: broken"),
        ("(/data/a.png)", "(a.png)"),
        ("C:\\Users\\me\\w.pth", "w.pth"),
        ("~/w/x.pt, ../a/b", "x.pt, b"),
        ("onnx:/home/u/m.onnx", "onnx:m.onnx"),
        ("file:///home/x/y.png", "y.png"),
        ("https://a.b/c/d and /tmp/q/z.pt", "https://a.b/c/d and z.pt"),
    ],
)
def test_a_path_is_cut_to_its_last_part(text: str, expected: str) -> None:
    assert without_paths(text) == expected


@pytest.mark.parametrize(
    "text", ["runs/demo", "hf://o/r/f@main", "1/2 of 3", "Apache-2.0 / MIT", "safepaint-2024/1", "and/or", "/", ""]
)
def test_what_is_no_local_path_is_left(text: str) -> None:
    assert without_paths(text) == text


def test_everything_in_a_value_is_cleaned() -> None:
    value = {"/a/b": [{"file": "/home/me/c.pt"}, 3, None], "n": ("~/d",)}
    assert cleaned(value) == {"b": [{"file": "c.pt"}, 3, None], "n": ["d"]}
    frame = pd.DataFrame({"error": ["/a/b: x", "", None], "n": [1, 2, 3]})
    assert cleaned_columns(frame, ["error", "absent"])["error"].tolist()[:2] == ["b: x", ""]
    clean = pd.DataFrame({"error": ["x"]})
    assert cleaned_columns(clean, ["error"]) is clean
