"""Learning in an editor: examples counted, put right and deleted; a run started, watched, stopped and found again."""

from __future__ import annotations

import json
import sys
import time

import pytest
from tests.lsp.client import serving
from tests.server.models.gguf_files import write_model as write_gguf

from whence_server.feedback import FILE, Feedback
from whence_server.models.manifest import Blob, Manifest
from whence_server.models.naming import digest_of
from whence_server.models.publishing import publish
from whence_server.training.job import launch
from whence_server.training.runs import training_folder

PROGRESS = {"window": {"workDoneProgress": True}}
TRAINER = """
import json, pathlib, sys, time
from filelock import FileLock
run = pathlib.Path("runs/abc-123")
(run / ".1-collect.draft").mkdir(parents=True)
stage = {"stage": "1", "name": "collect", "title": "take files"}
(run / "run.json").write_text(json.dumps({"began": "now", "state": "running", "stages": [stage]}))
with FileLock(run / ".lock"):
    print("1,000 files", file=sys.stderr, flush=True)
    while not pathlib.Path("end").exists():
        time.sleep(0.05)
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


def command(client, name, **argument):
    return client.ask("workspace/executeCommand", {"command": f"whence.training.{name}", "arguments": [argument]})


def refused(client, name, **argument):
    wanted = {"command": f"whence.training.{name}", "arguments": [argument]}
    return client.refused("workspace/executeCommand", wanted)["message"]


def collected(project, number):
    cited = {"id": 1, "kind": "code", "path": "shop/pay.py", "start_line": 4, "end_line": 6, "quote": "def charge_card"}
    at, index = "2026-01-01T00:00:00+00:00", project.open().index_dir
    given = [Feedback(f"c{n}", at, "correction", f"Why line {n}?", "?", [cited], {}, "So.") for n in range(number)]
    index.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({key: getattr(each, key) for key in each.__slots__}) for each in given]
    (index / FILE).write_text("\n".join(lines))


def training_of(project):
    """A run that somebody started, which lasts until there is a file `end` in its folder, which is returned."""
    folder = training_folder(project.open().index_dir)
    launch(folder, [sys.executable, "-c", TRAINER])
    while not (folder / "runs/abc-123/.lock").exists():
        time.sleep(0.02)
    return folder


def test_corrections_are_seen_put_right_and_deleted(shop, client):
    collected(shop, 19)
    client.initialize(shop.path, options={"index": False})
    told = client.ask("whence/training")
    assert told["statistics"]["told"] == "19 corrections collected; 1 more to go"
    assert told["examples"][0]["evidence"][0]["uri"] == (shop.path / "shop/pay.py").as_uri()
    assert "with anyway, training learns from the repository too" in refused(client, "start")
    command(client, "fixExample", id="c3", text="Because of the bank.")
    command(client, "deleteExample", id="c4")
    told = client.ask("whence/training")
    assert told["statistics"]["corrections"] == 18
    assert next(each for each in told["examples"] if each["id"] == "c3")["answer"] == "Because of the bank."
    for name, argument in (("fixExample", {"id": "z", "text": "."}), ("deleteExample", {"id": "all"})):
        assert refused(client, name, **argument)


def test_a_run_is_watched_and_cancelled_while_the_editor_stays_quick(shop, client):
    training_of(shop)
    client.initialize(shop.path, capabilities=PROGRESS, options={"index": False})
    client.wait(
        lambda: any("Preparing (1 take files): 1,000 files" in str(each) for each in client.notified("$/progress"))
    )
    begun = time.monotonic()
    (run,) = client.ask("whence/training")["runs"]
    assert time.monotonic() - begun < 5
    assert (run["status"], run["stages"][0]["state"]) == ("preparing", "running")
    told = client.notified("$/progress")
    time.sleep(1.2)
    assert client.notified("$/progress") == told  # as long as nothing is new
    (token,) = {each["token"] for each in told}
    client.notify("window/workDoneProgress/cancel", {"token": token})
    client.wait(lambda: client.ask("whence/training")["job"]["state"] == "stopped")
    client.wait(lambda: any("stopped" in each["message"] for each in client.notified("window/showMessage")))
    assert client.ask("whence/training")["runs"][0]["status"] == "stopped"


def test_a_run_outlives_the_editor_and_is_shown_by_the_next_one(shop, tmp_path):
    folder = training_of(shop)
    with serving(tmp_path) as first:
        first.initialize(shop.path, capabilities=PROGRESS, options={"index": False})
        first.wait(lambda: bool(first.notified("$/progress")))
        assert first.stop() == 0
    with serving(tmp_path) as second:
        second.initialize(shop.path, capabilities=PROGRESS, options={"index": False})
        second.wait(lambda: bool(second.notified("$/progress")))
        (folder / "end").touch()
        second.wait(lambda: any("completed" in each["message"] for each in second.notified("window/showMessage")))
        told = second.ask("whence/training")
        assert (told["job"]["state"], told["job"]["message"]) == ("completed", "1,000 files")
        assert "has ended" in refused(second, "stop")


def test_what_a_run_registered_is_deployed_exported_and_rolled_back(shop, client, tmp_path):
    made = write_gguf(tmp_path / "reader.gguf")
    blob = Blob(digest_of(made.read_bytes()), made.stat().st_size)
    publish(tmp_path / "registry", Manifest("reader", "1.0", "quote", blob), [made], ["champion"])
    folder = training_folder(shop.open().index_dir) / "runs" / "abc" / "5-register"
    folder.mkdir(parents=True)
    (folder / "adapter.zip").write_bytes(b"PK")
    about = {"model": "reader@1.0", "url": (tmp_path / "registry").as_uri(), "bundle": "adapter.zip"}
    (folder / "registration.json").write_text(json.dumps(about))
    (folder.parents[1] / "held").mkdir()
    client.initialize(shop.path, options={"index": False})
    assert command(client, "deploy", run="abc")["champion"] == "reader@1.0"
    assert client.ask("whence/training")["active"]["champion"] == "reader@1.0"
    assert command(client, "rollBack")["champion"] is None
    command(client, "export", run="abc", file=(tmp_path / "out.zip").as_uri())
    assert (tmp_path / "out.zip").read_bytes() == b"PK"
    assert "has registered no model" in refused(client, "deploy", run="held")
    assert "no adapter to export" in refused(client, "export", run="held", file=(tmp_path / "x.zip").as_uri())
    assert "there is no run 'gone'" in refused(client, "deploy", run="gone")


def test_without_the_extra_it_says_how_to_get_it(shop, client, tmp_path):
    collected(shop, 20)
    client.initialize(shop.path, options={"index": False})
    told = client.ask("whence/training")
    assert told["statistics"]["ready"]
    if told["available"]:
        pytest.skip("the training extra is installed here")
    assert told["how"].startswith("Training needs ")
    assert told["command"].startswith(f"{sys.executable} -m pip install ")
    assert told["how"] in refused(client, "start")
