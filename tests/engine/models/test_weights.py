"""Checkpoints are found, fetched under their terms, and compared with their checksums."""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import subprocess
import sys
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from safebench.cli import weights as cli
from safebench.errors import UnknownNameError, WeightsError
from safebench.models import licences, registry, weights
from safebench.models.cards import parse_card
from safebench.models.registry import Entry
from safebench.weights.fetch import downloads

from ..published import BODY, CARD, SHA


def entry_of(tmp_path: Path, more: str) -> Entry:
    card = parse_card(CARD + more, "test")
    return Entry("inpainters", card, tmp_path, EntryPoint("paper-net", "nowhere:Adapter", "safebench.inpainters"))


def one_file(tmp_path: Path, url: str, more: str = "", licence: str = "") -> Entry:
    return entry_of(tmp_path, f'{licence}\n[[weights]]\nfile = "net.pth"\nsources = ["{url}"]\n{more}')


NC = '[licence]\nweights = "CC BY-NC 4.0"\nnon_commercial = true\nterms_url = "https://terms.example"'


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes an entry the only inpainter that the command line knows."""

    def make(entry: Entry) -> None:
        monkeypatch.setattr(registry, "entries", lambda kind: {entry.name: entry} if kind == "inpainters" else {})

    return make


def command(*arguments: str, answer: str = "") -> Any:
    return CliRunner().invoke(cli.app, list(arguments), input=answer)


def test_shipped_weights_stand_in_for_published_ones_that_are_not_there(
    tmp_path: Path, cache: Path, known: Any
) -> None:
    more = f'[[weights]]\nfile = "net.pth"\nsha256 = "{SHA}"\nsources = ["https://authors.example/net.pth"]\n'
    entry = entry_of(tmp_path, more + 'shipped = "weights.safetensors"')
    (tmp_path / "weights.safetensors").write_bytes(b"ours")
    ours = weights.find(entry)
    assert ours is not None
    assert (ours.origin, ours.sha256) == ("shipped", hashlib.sha256(b"ours").hexdigest())
    known(entry)
    assert "shipped" in command("list").stdout
    assert command("verify", "paper-net").stdout == "paper-net: ok (shipped with the package)\n"

    theirs = weights.cached_path(entry, entry.card.weights[0])
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(BODY)
    assert weights.find(entry) == weights.Checkpoint(theirs, SHA, "published")
    assert weights.find(entry, "", theirs) == weights.Checkpoint(theirs, SHA, "user")


def test_a_missing_checkpoint_says_everything_in_one_sentence(tmp_path: Path, cache: Path) -> None:
    entry = one_file(tmp_path, "https://a.example/net.pth", licence=NC)
    with pytest.raises(WeightsError) as caught:
        weights.find(entry, fetch=True)
    assert str(caught.value) == (
        "paper-net: its weights (net.pth) are not on this machine; terms: CC BY-NC 4.0, for non-commercial use only "
        "(https://terms.example); fetch them with: safebench weights pull paper-net --accept-licence; or put the "
        f"file at {cache}/weights/paper-net/default/net.pth, or name it with --weights paper-net=PATH"
    )
    entry = entry_of(tmp_path, '[[weights]]\nfile="a"\n[[weights]]\nfile="b"\nvariant="celeba"')
    with pytest.raises(
        WeightsError, match=r"no source .* get them from https://authors.example/paper-net, put the file"
    ):
        weights.find(entry, "CelebA", fetch=True)
    with pytest.raises(UnknownNameError, match="no variant 'faces'; its variants: celeba"):
        weights.find(entry, "faces")
    entry = entry_of(tmp_path, '[[weights]]\nfile="a"\npage="https://folder.example"')
    with pytest.raises(WeightsError, match=r"get them from https://folder.example, put the file"):
        weights.find(entry, fetch=True)
    with pytest.raises(WeightsError, match=r"is a folder; name the file in it \(a, say\)"):
        weights.find(entry, named=tmp_path)


def test_found_in_order_named_shipped_cached(tmp_path: Path, cache: Path) -> None:
    entry = entry_of(tmp_path, '[[weights]]\nfile = "net.pth"\nsources = ["package:small.pth"]')
    named = tmp_path / "mine.pth"
    named.write_bytes(b"named")
    cached = weights.cached_path(entry, entry.card.weights[0])
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"cached")
    found = weights.find(entry)
    assert found == weights.Checkpoint(cached, hashlib.sha256(b"cached").hexdigest(), "published")
    (tmp_path / "small.pth").write_bytes(b"shipped")
    found = weights.find(entry)
    assert found is not None
    assert found.path == tmp_path / "small.pth"
    assert weights.find(entry, named=named) == weights.Checkpoint(named, hashlib.sha256(b"named").hexdigest())
    with pytest.raises(WeightsError, match="there is no such file"):
        weights.find(entry, named=tmp_path / "nothing")
    assert weights.find(entry_of(tmp_path, "")) is None


def test_what_is_no_file_or_cannot_be_read_is_said(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = entry_of(tmp_path, '[[weights]]\nfile = "net.pth"')
    with pytest.raises(WeightsError, match="/dev/zero: is neither a file nor a folder"):
        weights.find(entry, named=Path("/dev/zero"))
    (tmp_path / "net.pth").write_bytes(b"named")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert weights.find(entry, named=Path("~/net.pth")) == weights.find(entry, named=tmp_path / "net.pth")

    def unreadable(path: Path) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(downloads, "digest", unreadable)
    with pytest.raises(WeightsError, match=r"net\.pth: cannot be read \(Permission denied\)"):
        weights.find(entry, named=tmp_path / "net.pth")


def test_free_weights_are_fetched_and_their_sum_is_kept(
    web: Any, page: Any, tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web.pages["/net.pth"] = page(BODY)
    entry = one_file(tmp_path, f"{web.url}/net.pth")
    with pytest.raises(WeightsError, match="not on this machine"):
        weights.find(entry)
    assert web.requests == []
    found = weights.find(entry, fetch=True)
    assert found == weights.Checkpoint(weights.cached_path(entry, entry.card.weights[0]), SHA, "published")
    shown = capsys.readouterr().err
    assert "paper-net: net.pth: 1.0 of 1.0 MB (100%)" in shown
    assert f"no checksum is published; recorded sha256 {SHA}" in shown
    note = found.path.with_name("net.pth.sha256")
    assert note.read_text() == f"{SHA}  net.pth\n"
    assert weights.find(entry, fetch=True) == found
    assert len(web.requests) == 1
    found.path.write_bytes(b"changed")
    with pytest.raises(WeightsError, match=f"its sha256 is .*, not {SHA} as recorded when it was first fetched"):
        weights.find(entry)
    found.path.unlink()
    web.pages["/net.pth"] = page(b"other bytes")
    entry = one_file(tmp_path, f"{web.url}/net.pth", 'page = "https://folder.example"')
    with pytest.raises(
        WeightsError,
        match=r"could not be fetched: .* is another: .*; get it by hand from http.*/net.pth or https://folder.* and",
    ):
        weights.find(entry, fetch=True)
    assert not found.path.exists()


def test_published_sums_are_checked_on_every_use(web: Any, page: Any, tmp_path: Path, cache: Path) -> None:
    web.pages["/net.pth"] = page(BODY)
    entry = one_file(tmp_path, f"{web.url}/net.pth", f'sha256 = "{SHA}"')
    found = weights.find(entry, fetch=True)
    assert found is not None
    assert sorted(p.name for p in found.path.parent.iterdir()) == [".net.pth.lock", "net.pth"]
    found.path.write_bytes(b"put by hand, of another model")
    with pytest.raises(WeightsError, match="as published; delete it and fetch it again, or name it with --weights"):
        weights.find(entry)


def test_offline_nothing_is_fetched(
    web: Any, page: Any, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAFEBENCH_OFFLINE", "1")
    with pytest.raises(WeightsError, match=r"not on this machine.*once SAFEBENCH_OFFLINE is no longer set"):
        weights.find(one_file(tmp_path, f"{web.url}/net.pth"), fetch=True)
    assert web.requests == []


def test_terms_are_asked_for_once_and_again_when_they_change(
    web: Any, page: Any, tmp_path: Path, cache: Path, known: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.pages["/net.pth"] = page(BODY)
    entry = one_file(tmp_path, f"{web.url}/net.pth", licence=NC)
    known(entry)
    refused = command("pull", "paper-net")
    assert isinstance(refused.exception, WeightsError)
    assert web.requests == []
    monkeypatch.setenv("SAFEBENCH_ACCEPT_LICENCE", "other, PN")
    assert licences.accepted(entry)
    monkeypatch.delenv("SAFEBENCH_ACCEPT_LICENCE")
    assert not licences.accepted(entry)
    assert command("pull", "paper-net", "--accept-licence").exit_code == 0
    assert licences.accepted(entry)
    changed = one_file(tmp_path, f"{web.url}/net.pth", licence=NC.replace("CC BY-NC 4.0", "stricter"))
    assert not licences.accepted(changed)
    (cache / "accepted-licences.json").write_text("broken")
    assert not licences.accepted(entry)


def test_a_person_at_a_terminal_is_asked(
    tmp_path: Path, cache: Path, known: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = one_file(tmp_path, "http://127.0.0.1:9/net.pth", licence=NC)
    known(entry)
    monkeypatch.setattr(cli, "_at_terminal", lambda: True)
    refused = command("pull", "paper-net", answer="n\n")
    assert "CC BY-NC 4.0, for non-commercial use only (https://terms.example)" in refused.output
    assert "not on this machine" in str(refused.exception)
    assert not licences.accepted(entry)
    assert "could not be fetched" in str(command("pull", "paper-net", answer="y\n").exception)
    assert licences.accepted(entry)


PARTS = """
[[weights]]
file = "psv"
variant = "psv"
[[weights.parts]]
file = "Edge.pth"
sources = ["URL/e.zip#x/Edge.pth"]
[[weights.parts]]
file = "Paint.pth"
sources = ["URL/Paint.pth"]
"""


def test_a_checkpoint_of_several_files_is_a_folder(web: Any, page: Any, tmp_path: Path, cache: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x/Edge.pth", b"edge")
    web.pages["/e.zip"] = page(out.getvalue())
    web.pages["/Paint.pth"] = page(b"paint", statuses=[404])
    entry = entry_of(tmp_path, PARTS.replace("URL", web.url))
    with pytest.raises(WeightsError, match=r"Paint\.pth could not be fetched"):
        weights.find(entry, fetch=True)
    with pytest.raises(WeightsError, match=r"\(Edge\.pth and Paint\.pth\).*put the files into"):
        weights.find(entry)
    found = weights.find(entry, fetch=True)
    assert found is not None
    assert [path for path, _ in web.requests].count("/e.zip") == 1
    kept = {"Edge.pth", "Edge.pth.sha256", "Paint.pth", "Paint.pth.sha256"}
    assert {p.name for p in found.path.iterdir() if p.suffix != ".lock"} == kept
    assert found.path == cache / "weights/paper-net/psv/psv"
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "Edge.pth").write_bytes(b"edge")
    with pytest.raises(WeightsError, match=r"has to be the folder that holds Edge\.pth and Paint\.pth"):
        weights.find(entry, named=copy)
    (copy / "Paint.pth").write_bytes(b"paint")
    assert weights.find(entry, named=copy) == weights.Checkpoint(copy, found.sha256)
    (copy / "log.txt").write_text("of the training; not the network's")
    assert weights.find(entry, named=copy) == weights.Checkpoint(copy, found.sha256)
    (copy / "Paint.pth").write_bytes(b"other")
    assert weights.find(entry, named=copy) != weights.Checkpoint(copy, found.sha256)


def test_one_file_stands_for_several_where_a_variant_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "trained.safetensors").write_bytes(b"both")
    (tmp_path / "Edge.pth").write_bytes(b"edge")
    without = entry_of(tmp_path, PARTS)
    entry = entry_of(tmp_path, PARTS + '[[weights]]\nvariant = "trained"\nfile = "trained.safetensors"')
    ours = weights.Checkpoint(tmp_path / "trained.safetensors", hashlib.sha256(b"both").hexdigest())
    for variant in ("", "trained"):
        weights.check(entry, variant, ours.path)
        assert weights.find(entry, variant, ours.path) == ours
    for other, file in ((without, "trained.safetensors"), (entry, "Edge.pth")):
        with pytest.raises(WeightsError, match=r"has to be the folder that holds Edge\.pth and Paint\.pth"):
            weights.find(other, named=tmp_path / file)


def test_members_of_one_archive_need_one_download(web: Any, page: Any, tmp_path: Path, cache: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("psv/Edge.pth", b"edge")
        archive.writestr("psv/Paint.pth", b"paint")
    web.pages["/all.zip"] = page(out.getvalue())
    parts = PARTS.replace("e.zip#x/", "all.zip#psv/").replace("URL/Paint", "URL/all.zip#psv/Paint")
    found = weights.find(entry_of(tmp_path, parts.replace("URL", web.url)), fetch=True)
    assert found is not None
    assert (found.path / "Paint.pth").read_bytes() == b"paint"
    assert len(web.requests) == 1
    assert not list(found.path.glob(".*.zip"))


def _pull(url: str, folder: Path, start: Any, results: Any) -> None:
    start.wait()
    results.put(weights.find(one_file(folder, url), fetch=True))


def test_two_processes_at_once_fetch_once(web: Any, page: Any, tmp_path: Path, cache: Path) -> None:
    web.pages["/net.pth"] = page(BODY, pause=1.0)
    spawn = multiprocessing.get_context("fork")
    start, results = spawn.Event(), spawn.Queue()
    pulls = [spawn.Process(target=_pull, args=(f"{web.url}/net.pth", tmp_path, start, results)) for _ in range(2)]
    for process in pulls:
        process.start()
    start.set()
    found = [results.get() for _ in pulls]
    for process in pulls:
        process.join()
    assert [checkpoint.sha256 for checkpoint in found] == [SHA, SHA]
    assert len(web.requests) == 1


def test_commands(web: Any, page: Any, tmp_path: Path, cache: Path, known: Any) -> None:
    web.pages["/net.pth"] = page(BODY)
    entry = one_file(tmp_path, f"{web.url}/net.pth", f'size = {len(BODY)}\ntrained_on = "Places2"')
    known(entry)
    assert "missing" in command("list").output
    assert command("path", "PN").output.strip() == f"{cache}/weights/paper-net/default/net.pth"
    assert command("verify").exit_code == 0
    assert command("verify", "pn").exit_code == 1
    assert SHA in command("pull", "paper_net").output
    shown = command("list").output
    assert "present" in shown
    assert "1.0 MB" in shown
    assert command("verify").output == "paper-net: ok (as first fetched)\n"
    (cache / "weights/paper-net/default/net.pth").write_bytes(b"x")
    wrong = command("verify", "paper-net")
    assert wrong.exit_code == 1
    assert "paper-net: WRONG" in wrong.output
    unknown = command("pull", "paper-nt")
    assert isinstance(unknown.exception, UnknownNameError)
    assert "did you mean paper-net?" in str(unknown.exception)


def test_the_command_imports_no_torch_to_list(cache: Path) -> None:
    script = (
        "import sys\nfrom safebench.cli.weights import app\n"
        "try: app(['list'])\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'requests', 'huggingface_hub'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_check_opens_each_address_once_and_fails_where_one_died(
    tmp_path: Path, cache: Path, known: Any, web: Any, page: Any
) -> None:
    web.pages["/all.zip"] = page(BODY)
    web.pages["/folder"] = page(b"<html>", type="text/html")
    parts = ", ".join(f'{{ file = "{n}", size = 3, sources = ["{web.url}/all.zip#{n}"] }}' for n in ("a", "b"))
    gone = f'file = "c"\nvariant = "two"\nsources = ["package:c", "{web.url}/gone"]\npage = "{web.url}/folder"'
    known(entry_of(tmp_path, f'[[weights]]\nfile = "net"\nparts = [{parts}]\n[[weights]]\n{gone}'))
    answered = command("check")
    assert answered.exit_code == 1
    assert answered.output.splitlines() == [
        f"{web.url}/all.zip: ok [paper-net]",
        f"{web.url}/gone: DEAD (not found (404)) [paper-net]",
        f"{web.url}/folder: ok [paper-net]",
        "safebench: 1 address died",
    ]
    assert command("check", "pn:two").output.count(web.url) == 2
    web.pages["/gone"] = page(BODY)
    assert command("check").exit_code == 0
    assert not list(cache.rglob("*"))


def test_check_opens_the_pages_of_models_at_the_hub(
    tmp_path: Path, cache: Path, known: Any, web: Any, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", web.url)
    web.pages["/owner/sd"] = page(b"<html>", type="text/html")
    beside = '{ decoder = "owner/sd", prior = "owner/prior@v1" }'
    card = parse_card(f'argument = "hub-id"{CARD}{NC}\n[hub]\nmodel = "owner/sd"\nbeside = {beside}', "test")
    known(Entry("inpainters", card, tmp_path, EntryPoint("paper-net", "nowhere:A", "safebench.inpainters")))
    for names in ([], ["pn"]):
        answered = command("check", *names)
        assert answered.exit_code == 1
        assert answered.output.splitlines()[:-1] == [
            f"{web.url}/owner/sd: ok [paper-net]",
            f"{web.url}/owner/prior/tree/v1: DEAD (not found (404)) [paper-net]",
        ]
    monkeypatch.setenv("COLUMNS", "200")
    shown = command("list").output
    assert "at the Hub" in shown
    assert "CC BY-NC 4.0, for non-commercial use only" in shown


def test_check_tells_silence_from_an_answer(
    tmp_path: Path, cache: Path, known: Any, web: Any, page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safebench.weights.fetch.reaching.PAUSE", 0.0)
    nobody = "http://127.0.0.1:9/net.pth"  # the port of "discard", at which nothing listens
    known(one_file(tmp_path, nobody))
    silent = command("check")
    assert silent.exit_code == 3
    assert silent.output.splitlines()[-1] == (
        "safebench: 1 address gave no answer, so nothing is known of them, as if there were no network"
    )
    web.pages["/net.pth"] = page(BODY)
    known(entry_of(tmp_path, f'[[weights]]\nfile = "net"\nsources = ["{nobody}", "{web.url}/net.pth"]'))
    partly = command("check")
    assert partly.exit_code == 0
    assert partly.output.splitlines()[-1].endswith("1 address gave no answer, so nothing is known of them")
    known(entry_of(tmp_path, '[[weights]]\nfile = "net"'))
    assert command("check").exit_code == 0
    assert "there is no address to open" in command("check").output


def test_check_without_a_network_says_so(
    tmp_path: Path, cache: Path, known: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(one_file(tmp_path, "https://authors.example/net.pth"))
    monkeypatch.setenv("SAFEBENCH_OFFLINE", "1")
    with pytest.raises(WeightsError, match="SAFEBENCH_OFFLINE is set"):
        CliRunner().invoke(cli.app, ["check"], catch_exceptions=False)
