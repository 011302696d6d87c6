"""What an editor asks for while somebody types: hover, actions, lenses and links, as each of three editors asks."""

from __future__ import annotations

import pytest
from tests.lsp.client import serving
from tests.lsp.conftest import PAY

ENCODED = {"general": {"positionEncodings": ["utf-8", "utf-16"]}, "experimental": {"commandLinks": True}}
FILES = {"index": False}  # what is told here needs none


def hover_text(client, uri, line, character):
    """The hover there, once what it needs has been read."""
    position = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
    client.wait(lambda: client.ask("textDocument/hover", position) is not None)
    return client.ask("textDocument/hover", position)


@pytest.fixture(scope="module")
def able(open_shop):
    """A server as `reader`, of an editor that can do more."""
    with serving(open_shop.path.parent) as client:
        client.initialize(open_shop.path, capabilities=ENCODED, options=FILES)
        yield client


def test_a_hover_tells_of_a_symbol_and_of_its_last_change(open_shop, able):
    uri = able.open(open_shop.path / "shop" / "pay.py")
    shown = hover_text(able, uri, 3, 6)
    able.close(uri)
    assert "Charge the card once" in shown["contents"]["value"]
    assert "command:whence.why" in shown["contents"]["value"]
    assert shown["range"] == {"start": {"line": 3, "character": 4}, "end": {"line": 3, "character": 15}}
    assert shown["contents"]["value"].count("\n") < 12


def test_a_hover_on_another_line_tells_what_changed_it(open_shop, reader):
    uri = reader.open(open_shop.path / "shop" / "pay.py")
    shown = hover_text(reader, uri, 4, 1)
    reader.close(uri)
    assert "Charge cards once" in shown["contents"]["value"]
    assert "command:" not in shown["contents"]["value"]


def test_a_hover_after_characters_outside_the_plane_is_where_the_mouse_is(open_shop, able):
    uri = able.open(open_shop.path / "shop" / "pay.py", PAY + "\n\nX = '😋😋'; y = charge_card\n")
    shown = hover_text(able, uri, 13, len("X = '😋😋'; y = ch".encode()))
    able.close(uri)
    assert "Charge the card once" in shown["contents"]["value"]
    assert shown["range"]["start"]["character"] == len("X = '😋😋'; y = ".encode())


def test_an_editor_that_shows_no_markdown_is_sent_none(shop, client):
    capabilities = {"textDocument": {"hover": {"contentFormat": ["plaintext"]}}, **ENCODED}
    client.initialize(shop.path, capabilities=capabilities, options=FILES)
    uri = client.open(shop.path / "shop" / "pay.py")
    shown = hover_text(client, uri, 3, 6)["contents"]
    assert shown["kind"] == "plaintext"
    assert shown["value"].startswith("charge_card — Charge the card once")
    assert "command:" not in shown["value"]
    where = {"start": {"line": 3, "character": 0}, "end": {"line": 3, "character": 4}}
    client.ask("workspace/executeCommand", {"command": "whence.who", "arguments": [{"uri": uri, "range": where}]})
    (message,) = client.notified("window/showMessage")
    assert "Ada Author" in message["message"]
    assert "`" not in message["message"]


def test_actions_are_of_kinds_that_every_editor_lists(shop, client):
    client.initialize(shop.path, options=FILES)
    uri = client.open(shop.path / "shop" / "pay.py")
    where = {"start": {"line": 3, "character": 0}, "end": {"line": 3, "character": 0}}

    def kinds(*only):
        context = {"diagnostics": []} | ({"only": list(only)} if only else {})
        asked = {"textDocument": {"uri": uri}, "range": where, "context": context}
        return [each["kind"] for each in client.ask("textDocument/codeAction", asked)]

    assert kinds() == kinds("whence") == ["whence.explain", "whence.why", "whence.who", "whence.similar"]
    assert kinds("whence.why", "quickfix") == ["whence.why"]
    assert kinds("source") == kinds("whence.wh") == []


def test_the_four_actions_are_there_and_each_is_answered(open_shop, reader):
    uri = reader.open(open_shop.path / "shop" / "pay.py")
    where = {"start": {"line": 3, "character": 0}, "end": {"line": 5, "character": 10}}
    params = {"textDocument": {"uri": uri}, "range": where, "context": {"diagnostics": []}}
    offered = reader.ask("textDocument/codeAction", params)
    assert [each["title"] for each in offered] == [
        "Explain this", "Why was this changed?", "Who knows this code?", "Find similar code"]  # fmt: skip
    told = [reader.ask("workspace/executeCommand", each["command"])["answer"] for each in offered]
    reader.close(uri)
    assert "Charge the card once" in told[0]
    assert "paid twice" in told[1]
    assert "Ada Author" in told[2]
    assert "shop/pay.py" in told[3]


def test_lenses_are_off_until_they_are_set(shop, client, open_shop, reader):
    uri = reader.open(open_shop.path / "shop" / "pay.py")
    assert not reader.ask("textDocument/codeLens", {"textDocument": {"uri": uri}})
    reader.close(uri)
    client.initialize(shop.path, options={"codeLens": True, "index": False})
    client.wait(lambda: bool(client.ask("whence/status")["roots"]))
    uri = client.open(shop.path / "shop" / "pay.py")
    lenses = client.ask("textDocument/codeLens", {"textDocument": {"uri": uri}})
    assert "Charge cards once" in lenses[0]["command"]["title"]
    told = client.ask("workspace/executeCommand", lenses[0]["command"])
    assert "paid twice" in told["answer"]


def test_numbers_in_comments_lead_to_their_pages(shop, client):
    shop.git("remote", "add", "origin", "https://github.com/ada/shop.git")
    client.initialize(shop.path, options=FILES)
    client.wait(lambda: bool(client.ask("whence/status")["roots"]))
    uri = client.open(shop.path / "shop" / "new.py", "# see #12\nx = '#13'\n")
    (link,) = client.ask("textDocument/documentLink", {"textDocument": {"uri": uri}})
    assert link["target"].startswith("https://github.com/ada/shop/")
    assert link["range"] == {"start": {"line": 0, "character": 6}, "end": {"line": 0, "character": 9}}


@pytest.mark.parametrize("editor", ["visual-studio-code", "neovim", "emacs"])
def test_the_editors_we_know_are_told_what_they_can_use(shop, client, editor):
    pytest_lsp = pytest.importorskip("pytest_lsp")
    from lsprotocol.converters import get_converter

    capabilities = get_converter().unstructure(pytest_lsp.client_capabilities(editor))
    able = client.initialize(shop.path, capabilities=capabilities, options=FILES)["capabilities"]
    assert able["hoverProvider"]
    assert able["codeActionProvider"]
    assert set(able["executeCommandProvider"]["commands"]) >= {"whence.explain", "whence.why", "whence.ask"}
    assert able["textDocumentSync"]["change"] == 2
    uri = client.open(shop.path / "shop" / "pay.py")
    shown = hover_text(client, uri, 3, 6)
    assert "Charge the card once" in shown["contents"]["value"]
    assert client.ask("whence/ask", {"question": "How is a card charged?", "partialResultToken": 5})["citations"]
    assert client.stop() == 0
