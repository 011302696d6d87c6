"""The server as an editor lives with it: from opening a folder to closing it, with questions in between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.lsp.client import PATIENCE, serving
from tests.lsp.conftest import sells

PROGRESS = {"window": {"workDoneProgress": True, "showDocument": {"support": True}}}


def test_the_first_answer_comes_before_there_is_an_index_and_says_so(shop, client):
    client.initialize(shop.path)
    first = (
        client.ask("whence/ask", {"question": "Where are routes registered?", "root": None}) if _opened(client) else {}
    )
    assert "register_route" in first["answer"]
    assert first["partial"] or first["citations"]
    client.until_indexed()
    later = client.ask("whence/ask", {"question": "Where are routes registered?"})
    assert not later["partial"]
    assert later["citations"][0]["uri"].startswith(shop.path.as_uri())
    assert client.stop() == 0


def test_answers_without_an_index_are_of_the_files_alone(open_shop, reader):
    told = reader.ask("whence/ask", {"question": "How is a card charged?"})
    assert (told["partial"], told["abstained"]) == (True, False)
    assert told["citations"][0]["path"] == "shop/pay.py"
    hits = reader.ask("whence/search", {"query": "register_route", "limit": 3, "kinds": ["code"]})
    assert hits["hits"][0]["symbol"].startswith("Router")
    assert hits["partial"]
    assert not (open_shop.path / ".git" / "whence").exists()


def test_an_answer_comes_in_pieces_that_join_to_the_whole(reader):
    told = reader.ask("whence/ask", {"question": "How is a card charged?", "partialResultToken": "t1"})
    pieces = [each["value"]["text"] for each in reader.notified("$/progress") if each["token"] == "t1"]
    assert len(pieces) > 1
    assert "".join(pieces) == told["answer"]


def test_a_follow_up_question_knows_what_it_is_about(reader):
    first = reader.ask("whence/ask", {"question": "Where is `charge_card` defined?"})
    second = reader.ask("whence/ask", {"question": "and where is that used?", "conversation": first["conversation"]})
    assert "shop/routes.py" in {each["path"] for each in second["citations"]}
    assert second["conversation"] == first["conversation"]


def test_why_and_questions_of_lines_follow_the_text_on_screen(open_shop, reader):
    file = open_shop.path / "shop" / "pay.py"
    uri = reader.open(file, "# one\n# two 😋\n" + file.read_text())
    told = reader.ask("whence/why", {"uri": uri, "range": _lines(6, 6)})
    assert "paid twice" in told["answer"]
    assert told["history"][0]["subject"] == "Charge cards once (#7)"
    here = reader.ask("whence/ask", {"question": "What does this do?", "uri": uri, "range": _lines(5, 6)})
    reader.close(uri)
    assert here["citations"][0]["path"] == "shop/pay.py"
    lines = ("# one\n# two 😋\n" + file.read_text()).split("\n")
    for each in here["citations"]:
        if each["path"] == "shop/pay.py":
            assert "\n".join(lines[each["start_line"] - 1 : each["end_line"]]) == each["quote"]


@pytest.fixture(scope="module")
def growing(make_shared_repository):
    """A shop of which each test asks for what it alone adds, and a server that keeps an index of it."""
    shop = sells(make_shared_repository("growing"))
    with serving(shop.path.parent) as client:
        client.initialize(shop.path)
        client.until_indexed()
        yield shop, client


def test_what_is_typed_is_found_before_it_is_saved(growing):
    shop, client = growing
    uri = client.open(shop.path / "shop" / "pay.py")
    edit = {"range": _lines(0, 0, 0, 0), "text": "def zebra_crossing():\n    return 1\n\n\n"}
    client.notify("textDocument/didChange", {"textDocument": {"uri": uri, "version": 2}, "contentChanges": [edit]})
    hits = client.ask("whence/search", {"query": "zebra_crossing"})["hits"]
    assert (hits[0]["path"], hits[0]["start_line"]) == ("shop/pay.py", 1)
    client.close(uri)
    assert not any("zebra" in hit["text"] for hit in client.ask("whence/search", {"query": "zebra_crossing"})["hits"])


def test_saved_and_watched_files_are_found(growing):
    shop, client = growing
    made = shop.write("shop/new.py", "def walrus_feeding():\n    return 2\n")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": made.as_uri(), "type": 1}]})
    hits = client.ask("whence/search", {"query": "walrus_feeding"})["hits"]
    assert hits[0]["path"] == "shop/new.py"


def test_a_commit_made_elsewhere_is_noticed(growing):
    shop, client = growing
    shop.write("shop/late.py", "def ostrich_racing():\n    return 3\n")
    head = shop.commit("Race ostriches")
    deadline = time.monotonic() + PATIENCE
    while client.ask("whence/status")["roots"][0]["index"]["head"] != head:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    hits = client.ask("whence/search", {"query": "ostrich_racing"})["hits"]
    assert {hit["kind"] for hit in hits if "ostrich" in hit["text"].lower()} == {"code", "commit"}


def test_indexing_shows_its_progress_and_can_be_stopped_and_resumed(shop, client):
    for number in range(400):
        shop.write(f"many/file_{number}.py", f"def function_{number}():\n    return {number}\n" * 20)
    shop.commit("Many files")
    client.initialize(shop.path, capabilities=PROGRESS)
    client.wait(lambda: _stages(client, "begin"))
    token = client.notified("window/workDoneProgress/create")[0]["token"]
    client.notify("window/workDoneProgress/cancel", {"token": token})
    client.wait(lambda: _stages(client, "end"))
    paused = client.ask("whence/status")["roots"][0]
    assert (paused["paused"], paused["indexing"]) == (True, False)
    client.ask("workspace/executeCommand", {"command": "whence.reindex", "arguments": []})
    assert client.until_indexed()["index"]["files"] == 403


def test_feedback_is_kept_with_what_was_asked_and_said(shop, client):
    _without_index(client, shop)
    told = client.ask("whence/ask", {"question": "How is a card charged?"})
    client.ask("whence/feedback", {"answer": told["id"], "verdict": "correction", "text": "Once, by the bank."})
    (line,) = (shop.path / ".git" / "whence" / "feedback.jsonl").read_text().splitlines()
    held = json.loads(line)
    assert (held["question"], held["verdict"], held["text"]) == (
        "How is a card charged?", "correction", "Once, by the bank.")  # fmt: skip
    assert held["answer"] == told["answer"]
    assert "shop/pay.py" in {each["path"] for each in held["evidence"]}
    assert held["model"]["name"] == "extractive"
    assert client.refused("whence/feedback", {"answer": told["id"], "verdict": "sideways"})["code"] == -32602
    assert client.refused("whence/feedback", {"answer": "unknown", "verdict": "up"})["code"] == -32602


def test_an_answer_of_an_earlier_session_can_be_judged(shop, client, tmp_path):
    _without_index(client, shop)
    question = "How is a card charged?"
    given = client.ask("whence/ask", {"question": question})
    kept = {"answer": given["id"], "verdict": "up", "question": question, "given": given, "root": given["root"]}
    with serving(tmp_path) as later:
        _without_index(later, shop)
        later.ask("whence/feedback", kept)
        refused = later.refused("whence/feedback", {**kept, "given": {**given, "citations": [{"kind": "code"}]}})
        assert "given is no answer as it was given: its id is of another kind" in refused["message"]
    (line,) = (shop.path / ".git" / "whence" / "feedback.jsonl").read_text().splitlines()
    held = json.loads(line)
    assert (held["question"], held["answer"], held["verdict"]) == (question, given["answer"], "up")
    assert [each["quote"] for each in held["evidence"]] == [each["quote"] for each in given["citations"]]


def test_a_bare_client_sees_answers_as_documents_or_messages(shop, client):
    _without_index(client, shop, capabilities=PROGRESS)
    uri = (shop.path / "shop" / "pay.py").as_uri()
    command = {"command": "whence.why", "arguments": [{"uri": uri, "range": _lines(4, 4)}]}
    client.ask("workspace/executeCommand", command)
    (shown,) = client.notified("window/showDocument")
    (document,) = (shop.path / ".git" / "whence" / "answers").iterdir()
    assert shown["uri"] == document.as_uri()
    assert "paid twice" in document.read_text()
    client.refuses.add("window/showDocument")
    client.ask("workspace/executeCommand", command)
    assert "paid twice" in client.notified("window/showMessage")[-1]["message"]
    assert client.refused("workspace/executeCommand", {"command": "rm", "arguments": []})["code"] == -32602


def test_a_question_that_comes_before_the_folders_are_open_waits_for_them(shop, client):
    client.initialize(shop.path)
    assert client.ask("whence/search", {"query": "charge_card"})["hits"]


def test_a_client_that_shows_answers_itself_is_shown_none(shop, client):
    _without_index(client, shop, capabilities={**PROGRESS, "experimental": {"answers": True}})
    uri = (shop.path / "shop" / "pay.py").as_uri()
    told = client.ask(
        "workspace/executeCommand", {"command": "whence.explain", "arguments": [{"uri": uri, "range": _lines(4, 4)}]}
    )
    assert "charge_card" in told["answer"]
    assert not client.notified("window/showDocument")
    assert not client.notified("window/showMessage")


def test_an_editor_that_shows_lenses_asks_anew_when_they_are_turned_on(shop, client):
    client.initialize(shop.path, capabilities={"workspace": {"codeLens": {"refreshSupport": True}}})
    client.until_indexed()
    client.notify("workspace/didChangeConfiguration", {"settings": {"whence": {"codeLens": True}}})
    client.wait(lambda: bool(client.notified("workspace/codeLens/refresh")))


def test_settings_that_cannot_be_used_are_named_and_the_others_count(shop, client):
    shop.write("whence.toml", "hovr = true\nhistory = false\n")
    client.initialize(shop.path, options={"codeLens": "yes", "links": False})
    settings = client.until_indexed()["settings"]
    assert settings == {
        "hover": True,
        "codeLens": False,
        "links": False,
        "index": True,
        "history": False,
        "model": "auto",
        "unsupported": "mark",
        "minTrainingExamples": 20,
        "trainingConfig": "",
    }
    said = "\n".join(each["message"] for each in client.notified("window/showMessage"))
    assert "initializationOptions: the setting 'codeLens' is true or false; its default false is used" in said
    assert "whence.toml: there is no setting 'hovr'" in said
    client.notify("workspace/didChangeConfiguration", {"settings": {"whence": {"hover": False}}})
    assert client.ask("whence/status")["roots"][0]["settings"]["hover"] is False


def test_several_roots_answer_for_themselves(shop, client, make_repository):
    zoo = make_repository("zoo")
    zoo.write("zoo.py", "def feed_pelican():\n    return 1\n")
    zoo.commit("A zoo")
    client.initialize(shop.path, zoo.path)
    client.until_indexed()
    client.wait(lambda: len(client.ask("whence/status")["roots"]) == 2)
    hits = client.ask("whence/search", {"query": "feed_pelican", "root": zoo.path.as_uri()})["hits"]
    assert hits[0]["path"] == "zoo.py"
    event = {"added": [], "removed": [{"uri": zoo.path.as_uri(), "name": "zoo"}]}
    client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
    assert len(client.ask("whence/status")["roots"]) == 1
    assert client.refused("whence/search", {"query": "x", "root": zoo.path.as_uri()})["code"] == -32602


def test_two_editors_on_one_repository_both_answer_and_either_may_be_killed(shop, tmp_path):
    with serving(tmp_path) as one, serving(tmp_path) as other:
        for client in (one, other):
            client.initialize(shop.path)
        one.process.kill()
        other.until_indexed()
        shop.write("shop/extra.py", "def penguin_parade():\n    return 4\n")
        shop.commit("Parade")
        with serving(tmp_path) as third:
            third.initialize(shop.path)
            third.until_indexed()
            for client in (other, third):
                hits = client.ask("whence/search", {"query": "penguin_parade"})["hits"]
                assert hits[0]["path"] == "shop/extra.py"


def test_a_damaged_index_is_mended_while_the_files_answer(shop, client):
    subprocess.run(
        [sys.executable, "-m", "whence_server", "index", "--repo", str(shop.path)], check=True, capture_output=True
    )
    for manifest in (shop.path / ".git" / "whence").glob("tables-*/*/_versions/*"):
        manifest.write_bytes(b"nonsense")
    client.initialize(shop.path)
    _opened(client)
    told = client.ask("whence/ask", {"question": "How is a card charged?"})
    assert "shop/pay.py" in {each["path"] for each in told["citations"]}
    client.until_indexed()
    assert not client.ask("whence/ask", {"question": "How is a card charged?"})["partial"]


def test_the_server_ends_with_its_editor(shop, tmp_path):
    editor = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with serving(tmp_path) as client:
        client.initialize(shop.path, processId=editor.pid)
        editor.send_signal(signal.SIGKILL)
        editor.wait()
        assert client.process.wait(PATIENCE) == 1


def test_the_server_ends_when_nobody_speaks_to_it_any_more(shop, client):
    client.initialize(shop.path)
    client.process.stdin.close()
    assert client.process.wait(PATIENCE) == 1


def test_nothing_listens_on_a_port(growing):
    _, client = growing
    if not os.path.isdir(f"/proc/{client.process.pid}/fd"):
        return
    inodes = {os.readlink(fd.path) for fd in os.scandir(f"/proc/{client.process.pid}/fd")}
    sockets = {link[8:-1] for link in inodes if link.startswith("socket:[")}
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = {row[9] for row in rows if row[3] == "0A"}
    assert not sockets & listening


def _without_index(client, shop, **more):
    """Open the shop, to be answered from its files."""
    client.initialize(shop.path, options={"index": False}, **more)
    _opened(client)


def _opened(client):
    """Wait until a root is open."""
    client.wait(lambda: bool(client.ask("whence/status")["roots"]))
    return True


def _lines(first, last, start=0, end=1):
    return {"start": {"line": first, "character": start}, "end": {"line": last, "character": end}}


def _stages(client, kind):
    return [each for each in client.notified("$/progress") if each["value"].get("kind") == kind]
