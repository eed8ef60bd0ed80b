"""`safebench show` and the answers in JSON."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from typer.testing import CliRunner

from safebench.cli import running
from safebench.cli.app import app
from safebench.errors import UnknownNameError
from safebench.metrics.catalogue import catalogue
from safebench.models import kinds, registry
from safebench.runs.config import make_config


def answer(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.stdout


def test_a_card_is_shown_with_weights_training_sets_limits_and_citation():
    text = answer("show", "iid_net")
    for part in ("iid-net (detectors)", "shipped, trained by SafeBench", "trained on", "not good for", "cite", "takes"):
        assert part in text
    assert "missing: safebench weights pull lama:celeba" in " ".join(answer("show", "big-lama").split())


@pytest.mark.parametrize("name", sorted({n for kind in kinds.MODELS for n in registry.entries(kind.name)}))
def test_every_card_can_be_shown(name):
    assert name in answer("show", name)


def test_a_near_miss_of_any_kind_is_told():
    with pytest.raises(UnknownNameError, match="did you mean splicebuster"):
        answer("show", "splicebustr")


def test_the_list_as_json_has_what_the_tables_have():
    listed = json.loads(answer("list", "--json"))
    assert {record["name"] for record in listed["inpainters"]} == set(registry.entries("inpainters"))
    assert {record["name"] for record in listed["metrics"]} == set(catalogue())
    assert list(json.loads(answer("list", "datasets", "--json"))) == ["datasets"]
    trained = next(record for record in listed["detectors"] if record["name"] == "iid-net")
    assert trained["weights"][0]["here"]


def test_the_list_says_under_which_terms_a_model_of_the_hub_stands_and_what_a_user_has_to_bring():
    records = {record["name"]: record for record in json.loads(answer("list", "inpainters", "--json"))["inpainters"]}
    assert records["flux-fill"]["licence"] == "FLUX.1 [dev] Non-Commercial License, non-commercial"
    assert records["flux-fill"]["hub"] == "black-forest-labs/FLUX.1-Fill-dev"
    wide = CliRunner().invoke(app, ["list", "inpainters"], env={"COLUMNS": "400"}).output
    lines = {line.split("│")[1].strip(): line for line in wide.splitlines() if line.startswith("│")}
    needs = {"flux-fill": "at the Hub", "torchscript": "a file of yours", "files": "a folder of answers"}
    for name, said in {**needs, "telea": "none needed"}.items():
        assert said in lines[name]


def test_a_runs_summary_as_json(tmp_path):
    models = ("--inpainter", "telea", "--detector", "laplacian")
    small = (
        "--limit",
        "1",
        "--size",
        "64",
        "--bins",
        "10-20",
        "--lpips-net",
        "squeeze",
        "--out",
        str(tmp_path / "run"),
    )
    summary = json.loads(answer("run", *models, *small, "--json"))
    assert (summary["samples"], summary["failures"]) == (1, [])
    [cell] = summary["detection"]
    assert (cell["detector"], cell["bin"], cell["auc_low"]) == ("laplacian", "all", None)
    assert 0 < cell["auc"] < 1
    assert summary["verdict"]["sample"][0].startswith("Too few to say")
    assert summary["report"].endswith("index.html")


def test_what_to_type_next_keeps_what_the_run_was_asked_for():
    options: dict[str, Any] = {
        "inpainters": ["telea", "mine=torchscript:a b.pt"], "detectors": ["laplacian"],
        "postprocess": ["none", "jpeg:75"], "assembly": ["spliced", "regenerated"],
        "metrics": ["ap"], "weights": {"lama": "x.ckpt"}, "keep_maps": True,
        "bins": "10-20", "limit": 2, "out": "runs/mine",
    }  # fmt: skip
    _, command = running._next(make_config(options))
    assert shlex.split(command.replace("\\\n", " "))[2:] == [
        *("--images", "FOLDER", "--limit", "20", "--inpainter", "telea", "--inpainter", "mine=torchscript:a b.pt"),
        *("--detector", "laplacian", "--bins", "10-20", "--postprocess", "none,jpeg:75"),
        *("--assembly", "spliced,regenerated", "--keep-maps", "--weights", "lama=x.ckpt", "--metrics", "ap"),
    ]
    assert running._next(make_config({**options, "images": "places2"})) == []
