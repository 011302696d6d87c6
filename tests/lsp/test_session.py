"""Settings, folders and documents while an editor is open: what changes is followed, and nothing asked is lost."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from threading import Thread

import pytest
from tests.lsp.client import serving

from whence_indexer.errors import DamagedError
from whence_indexer.repository import open_repository
from whence_server.lsp import child
from whence_server.lsp.background import Background
from whence_server.lsp.heads import Head
from whence_server.lsp.roots import Root

QUESTION = {"question": "How is a card charged?"}


def settings(client):
    return client.ask("whence/status")["roots"][0]["settings"]


def lines(first, last=None, end=1):
    return {
        "start": {"line": first, "character": 0},
        "end": {"line": first if last is None else last, "character": end},
    }


def run(client, command, uri, where):
    return client.ask("workspace/executeCommand", {"command": command, "arguments": [{"uri": uri, "range": where}]})


def test_the_first_question_may_come_before_the_folder_is_open(shop, client):
    client.ignores |= {"workspace/configuration", "client/registerCapability"}  # and nobody waits for these
    workspace = {"configuration": True, "didChangeWatchedFiles": {"dynamicRegistration": True}}
    client.initialize(shop.path, capabilities={"workspace": workspace})
    told = client.ask("whence/ask", QUESTION)
    assert "shop/pay.py" in {each["path"] for each in told["citations"]}


def test_a_first_index_that_is_being_made_is_no_fault(shop, client):
    client.configuration = {}
    client.initialize(shop.path, capabilities={"workspace": {"configuration": True}})
    assert {"index: the first one is being made", "git"} <= examined(client)  # also before it has begun
    client.until_indexed()
    assert "index (3 files, 2 commits)" in examined(client)


def test_that_there_is_no_index_is_a_fault_where_none_is_wanted(shop, client):
    client.initialize(shop.path, options={"index": False})
    (index,) = [each for each in client.ask("whence/doctor")["checks"] if each["what"] == "index"]
    assert index["problem"] == "there is none yet"


def examined(client):
    checks = client.ask("whence/doctor")["checks"]
    assert all(check["ok"] for check in checks), checks
    return {check["what"] for check in checks}


def test_settings_are_followed_as_they_change(shop, client):
    client.configuration = {"links": False}
    client.initialize(shop.path, options={"index": False}, capabilities={"workspace": {"configuration": True}})
    client.wait(lambda: not settings(client)["links"])
    client.configuration = {}
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    client.wait(lambda: settings(client)["links"])  # the user has taken it away again
    client.configuration = {"index": False, "hover": False}
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    client.wait(lambda: not settings(client)["hover"])
    toml = shop.write("whence.toml", "codeLens = true\n")
    client.notify("workspace/didChangeWatchedFiles", {"changes": [{"uri": toml.as_uri(), "type": 1}]})
    client.wait(lambda: settings(client)["codeLens"])
    client.configuration = {}
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    assert client.until_indexed()["settings"]["hover"]  # and what was given first has gone, too
    client.configuration = {"index": False}
    client.notify("workspace/didChangeConfiguration", {"settings": None})
    client.wait(lambda: not settings(client)["index"])
    shop.write("shop/late.py", "def ostrich():\n    return 3\n")
    shop.commit("Race ostriches")
    client.wait(lambda: client.ask("whence/ask", QUESTION)["stale"])


def test_what_is_ignored_indexes_nothing_and_a_saved_file_does(shop, client):
    shop.write(".gitignore", "build/\n")
    shop.commit("Ignore what is built")
    client.initialize(shop.path)
    before = client.until_indexed()["index"]["indexed_at"]
    built = [{"uri": shop.write(f"build/{number}.o", "x").as_uri(), "type": 1} for number in range(300)]
    client.notify("workspace/didChangeWatchedFiles", {"changes": built})
    assert not client.ask("whence/ask", QUESTION)["stale"]
    assert client.ask("whence/status")["roots"][0]["index"]["indexed_at"] == before
    uri = shop.write("shop/late.py", "def ostrich():\n    return 3\n").as_uri()
    client.open(shop.path / "shop" / "late.py")
    client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    client.wait(lambda: client.ask("whence/ask", QUESTION)["stale"])  # it will be indexed; it is found at once
    assert client.ask("whence/search", {"query": "ostrich"})["hits"][0]["path"] == "shop/late.py"


def test_a_repository_is_open_as_long_as_one_of_its_folders_is_however_they_are_reached(shop, client, tmp_path):
    link, part = tmp_path / "link", shop.path / "shop"
    link.symlink_to(shop.path)
    client.initialize(link, part, options={"index": False})
    for root in (link, part, shop.path):
        assert client.ask("whence/search", {"query": "card", "root": root.as_uri()})["hits"]
    for gone, left in ((link, 1), (part, 0)):
        event = {"added": [], "removed": [{"uri": gone.as_uri(), "name": gone.name}]}
        client.notify("workspace/didChangeWorkspaceFolders", {"event": event})
        assert len(client.ask("whence/status")["roots"]) == left


def test_without_a_folder_the_repository_of_each_file_is_opened(shop, client, make_repository):
    zoo = make_repository("zoo")
    zoo.write("zoo.py", "def feed_pelican():\n    return 1\n")
    zoo.commit("A zoo")
    client.initialize(options={"index": False})
    for file in (shop.path / "shop" / "pay.py", zoo.path / "zoo.py"):
        client.open(file)
    assert len(client.ask("whence/status")["roots"]) == 2


def test_a_document_is_the_same_however_its_address_is_spelled(shop, client):
    file = shop.path / "shop" / "(group)" / "+page.py"
    shop.write("shop/(group)/+page.py", "def show_page():\n    return 1\n")
    shop.commit("Pages")
    client.initialize(shop.path, options={"index": False})
    escaped = (shop.path / "shop").as_uri() + "/%28group%29/%2Bpage.py"
    text = "# one\n# two\n" + file.read_text()
    document = {"uri": escaped, "languageId": "python", "version": 1, "text": text}
    client.notify("textDocument/didOpen", {"textDocument": document})
    plain = (shop.path / "shop").as_uri() + "/(group)/+page.py"
    for uri in (escaped, plain):
        assert "show_page" in run(client, "whence.explain", uri, lines(2))["answer"]
    for command in ("whence.explain", "whence.why", "whence.who", "whence.similar"):
        assert run(client, command, plain, lines(4, end=0))["answer"]  # the empty line behind the last one


def test_a_message_holds_no_link_that_a_commit_brought(shop, client):
    shop.write("shop/pay.py", "x = 1\n")
    shop.commit("Pay because [click](command:workbench.action.terminal.new) said so")
    client.initialize(shop.path, options={"index": False})
    run(client, "whence.why", (shop.path / "shop" / "pay.py").as_uri(), lines(0))
    said = client.notified("window/showMessage")[-1]["message"]
    assert "click" in said
    assert "](" not in said


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="children are looked for in /proc")
def test_after_shutdown_nothing_is_indexed_any_more(shop, client):
    client.initialize(shop.path)
    client.wait(lambda: client.ask("whence/status")["roots"][0]["indexing"])
    client.ask("shutdown")
    client.wait(lambda: not _children(client.process.pid))


def test_the_process_that_indexes_runs_nothing_of_the_repository(shop):
    shop.write("sitecustomize.py", "open('ran', 'w')\n")
    shop.write("lancedb.py", "open('ran', 'w')\n")
    with serving(shop.path) as client:
        client.initialize(shop.path)
        client.until_indexed()
    assert not (shop.path / "ran").exists()


class Silent:
    """A client that hears nothing."""

    def notify(self, *message):
        pass


def background(done, runs=None):
    made = Background(Silent(), Path(), "shop", asyncio.Lock(), done)

    async def index(loud):
        runs.append(loud)

    if runs is not None:
        made._index = index
    return made


def test_what_is_asked_while_a_new_index_is_opened_is_done_afterwards():
    async def story():
        runs, opening = [], asyncio.Event()

        async def done():
            opening.set()
            await asyncio.sleep(0.05)

        made = background(done, runs)
        made.request()
        await opening.wait()
        made.request()
        while len(runs) < 2:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(story(), 30))


@pytest.mark.parametrize("said", ["'x' * 100_000", "'nonsense'", "1 / 0"])
def test_a_process_that_dies_or_talks_nonsense_is_begun_again_and_then_told(said, monkeypatch):
    ended, begun, command = [], [], child.command()
    monkeypatch.setattr("whence_server.lsp.background._PAUSES", (0.01, 0.01))

    def started():
        begun.append(said)
        return command | {
            "args": [sys.executable, "-c", f"import sys; sys.stdin.readline(); print({said}, flush=True)"]
        }

    monkeypatch.setattr(child, "command", started)

    async def story():
        async def done():
            ended.append(made.problem)

        made = background(done)
        made.request()
        while not ended:
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(story(), 60))
    assert ended == ["the indexing process died"]
    assert len(begun) == 3


def test_what_is_typed_never_waits_for_an_index_that_is_being_opened(shop):
    root = Root(shop.path)
    with root._work:
        typing = Thread(target=root.show, args=("shop/pay.py", "x = 1\n"), daemon=True)
        typing.start()
        typing.join(10)
        assert not typing.is_alive()


def test_an_index_that_was_compacted_under_a_reader_is_not_damaged(shop):
    root, tries = Root(shop.path), []
    root._current = lambda: root
    root._lacks_history = lambda searcher: False

    def flaky(finder):
        tries.append(root.damaged)
        if len(tries) == 1:
            raise DamagedError("compacted")
        return "answer"

    assert root.ask(flaky).value == "answer"
    assert tries == [False, False]
    assert not root.damaged


def test_the_lock_of_a_git_that_was_killed_hides_no_commit_for_ever(shop):
    head = Head(open_repository(shop.path))
    shop.write("shop/late.py", "x = 1\n")
    shop.commit("Late")
    lock = shop.path / ".git" / "index.lock"
    lock.touch()
    assert not head.moved()
    os.utime(lock, (1, 1))
    assert head.moved()


def _children(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if parent == str(pid) and state != "Z":
            found.append(stat.parent.name)
    return found
