"""What no editor should send, and what the server says to it: one proper answer to each request, and it goes on."""

from __future__ import annotations

import json
import os
import random

import pytest
from tests.lsp.client import serving

RANGE = {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}}
MESSAGES = int(os.environ.get("WHENCE_FUZZ", "300"))


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("edges")) as made:
        made.initialize()
        yield made


@pytest.mark.parametrize(("method", "params", "named"), [
    ("whence/ask", None, "question is missing"),
    ("whence/ask", [], "one object"),
    ("whence/ask", {"question": 5}, "question is a string"),
    ("whence/ask", {"question": "a", "partialResultToken": {}}, "partialResultToken"),
    ("whence/search", {"query": "a", "limit": 0}, "limit is a whole number"),
    ("whence/search", {"query": "a", "limit": True}, "limit is a whole number"),
    ("whence/search", {"query": "a", "kinds": ["poem"]}, "kinds is a list of some of"),
    ("whence/why", {"uri": "file:///a", "range": {"start": {"line": -1, "character": 0}}}, "range.start"),
    ("whence/why", {"uri": "file:///a"}, "range is missing"),
    ("workspace/executeCommand", {"command": "whence.ask", "arguments": [7]}, "one object"),
    ("workspace/executeCommand", {"command": "whence.nothing"}, "no command"),
    ("workspace/executeCommand", {"arguments": []}, "command"),
])  # fmt: skip
def test_parameters_that_do_not_fit_are_named(server, method, params, named):
    error = server.refused(method, params)
    assert error["code"] == -32602
    assert named in error["message"]


def test_methods_that_do_not_exist_are_told_from_those_that_do(server):
    for method in ("textDocument/rename", "whence/nothing", "no such", "$/odd", "__class__"):
        assert server.refused(method, {})["code"] == -32601


def test_messages_that_are_none_are_answered_and_the_next_one_is_read(server):
    for body, code in [
        (b"{", -32700), (b"\xff\xfe", -32700), (b"[" * 100_000, -32700), (b"[]", -32600), (b"5", -32600),
        (b'{"jsonrpc": "2.0", "id": 1}', -32600), (b'{"jsonrpc": "1.0", "id": "x", "method": "whence/status"}', -32600),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "whence/status"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 7.5, "method": "whence/status"}', -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "whence/status"}', -32600),
        (b'{"jsonrpc": "2.0", "id": "y", "method": 5}', -32600),
    ]:  # fmt: skip
        server.send_bytes(body)
        asked = json.loads(body) if body.startswith(b"{") and len(body) > 1 else {}
        number = asked.get("id") if isinstance(asked.get("id"), str) else None
        assert server.answer(number)["error"]["code"] == code
    server.send_raw(b"nonsense\r\nmore of it\n")
    server.send_raw(b"content-type: x\r\nCONTENT-LENGTH:3\n\nabc")
    assert server.answer(None)["error"]["code"] == -32700
    assert server.ask("whence/models")["setting"] == "auto"


def test_a_line_of_garbage_costs_nothing_that_follows_it(server):
    body = json.dumps({"jsonrpc": "2.0", "id": "after", "method": "whence/models"}).encode()
    server.send_raw(
        b'{"half": "a message"Content-Length: %d\r\nContent-Type: a; charset=utf-8\r\n\r\n%b' % (len(body), body)
    )
    assert "result" in server.answer("after")


def test_answers_to_questions_nobody_asked_change_nothing(server):
    for number in ("whence-1", 1, None, [], "x"):
        server.send({"jsonrpc": "2.0", "id": number, "result": {"capabilities": {}}})
        server.send({"jsonrpc": "2.0", "id": number, "error": {"code": 1, "message": "?"}})
    assert server.ask("whence/models")["setting"] == "auto"


def test_the_same_id_twice_at_once_is_refused_and_later_is_not(reader):
    for number in range(20):  # that go before, or the first may be answered before the second has arrived
        reader.begin("whence/ask", {"question": f"How is card {number} charged?"})
    for _ in range(2):
        reader.send({"jsonrpc": "2.0", "id": "twin", "method": "whence/ask", "params": {"question": "what?"}})
    assert reader.answer("twin")["error"]["code"] == -32600
    assert "result" in reader.answer("twin")


def test_requests_wait_for_initialize_and_stop_at_shutdown(shop, client):
    assert client.refused("whence/status")["code"] == -32002
    client.notify("textDocument/didOpen", {"textDocument": {}})
    client.initialize(shop.path)
    assert client.refused("initialize", {"processId": None, "rootUri": None, "capabilities": {}})["code"] == -32600
    assert client.ask("shutdown") is None
    assert client.refused("whence/status")["code"] == -32600
    assert client.refused("shutdown")["code"] == -32600
    client.notify("exit")
    assert client.process.wait(30) == 0


def test_exit_without_shutdown_is_a_failure(client):
    client.initialize()
    client.notify("exit")
    assert client.process.wait(30) == 1


def test_a_cancelled_question_is_answered_at_once(reader):
    numbers = [reader.begin("whence/ask", {"question": f"How is card {number} charged?"}) for number in range(20)]
    for number in reversed(numbers):
        reader.notify("$/cancelRequest", {"id": number})
    told = [reader.answer(number).get("error", {}).get("code") for number in numbers]
    assert told[-10:] == [-32800] * 10  # those that had not begun; the first may have been answered before
    reader.notify("$/cancelRequest", {"id": "never asked"})
    reader.notify("$/cancelRequest", {})
    assert reader.ask("whence/models")["setting"]


def test_no_path_of_this_machine_and_no_traceback_is_told(open_shop, reader):
    shop, client = open_shop, reader
    outside = (shop.path.parent / "elsewhere.py").as_uri()
    errors = [
        client.refused("whence/why", {"uri": outside, "range": RANGE}),
        client.refused("whence/why", {"uri": (shop.path / "missing.py").as_uri(), "range": RANGE}),
        client.refused("whence/search", {"query": "x", "under": "nowhere/at/all", "root": None}),
        client.refused("whence/search", {"query": " "}),
        client.refused("whence/search", {"query": "x", "root": outside}),
    ]
    for error in errors:
        assert str(shop.path.parent) not in error["message"]
        assert "Traceback" not in json.dumps(error)


def test_malformed_messages_never_end_the_server(shop, tmp_path):
    """A few hundred in the suite; `make fuzz` sends 10,000. Every request among them is answered."""
    chance = random.Random(20240506)
    with serving(tmp_path) as client:
        client.initialize(shop.path, options={"index": False})
        uri = client.open(shop.path / "shop" / "pay.py")
        client.wait(lambda: bool(client.ask("whence/status")["roots"]))
        expected = []
        for number in range(MESSAGES):
            message = _message(chance, uri)
            if chance.random() < 0.1:
                body = bytearray(json.dumps(message).encode())
                for _ in range(chance.randint(1, 5)):
                    body[chance.randrange(len(body))] = chance.randrange(256)
                client.send_bytes(bytes(body))
                continue
            if chance.random() < 0.7:
                message["id"] = f"fuzz-{number}"
                expected.append(message["id"])
            client.send(message)
            if chance.random() < 0.05:
                client.send_raw(bytes(chance.randrange(256) for _ in range(chance.randint(1, 40))) + b"\n")
        for each in expected:
            client.answer(each)
        assert client.ask("whence/models")["setting"]
        assert "Traceback" not in client.log.decode(), client.log.decode()
        assert client.stop() == 0


METHODS = [
    "whence/ask", "whence/search", "whence/why", "whence/status", "whence/doctor", "whence/feedback",
    "whence/models",
    "textDocument/didOpen", "textDocument/didChange", "textDocument/didSave", "textDocument/didClose",
    "textDocument/hover", "textDocument/codeAction", "textDocument/codeLens", "textDocument/documentLink",
    "workspace/executeCommand", "workspace/didChangeConfiguration", "workspace/didChangeWatchedFiles",
    "workspace/didChangeWorkspaceFolders", "window/workDoneProgress/cancel", "initialize", "$/cancelRequest",
    "$/setTrace", "$/progress", "no/such",
]  # fmt: skip
KEYS = [
    "textDocument", "uri", "position", "range", "line", "character", "start", "end", "contentChanges", "text",
    "version", "question", "query", "limit", "kinds", "under", "root", "answer", "verdict", "command", "arguments",
    "settings", "changes", "given", "type", "event", "added", "removed", "name", "token", "id", "context",
    "diagnostics", "languageId", "partialResultToken", "conversation", "value",
]  # fmt: skip


def _message(chance, uri):
    params = _valid(chance, uri) if chance.random() < 0.5 else _anything(chance, uri, 4)
    if isinstance(params, dict) and params and chance.random() < 0.6:
        params[chance.choice(list(params))] = _anything(chance, uri, 2)
    message = {"jsonrpc": "2.0", "method": chance.choice(METHODS), "params": params}
    if chance.random() < 0.05:
        message[chance.choice(["jsonrpc", "method", "params", "result", "error"])] = _anything(chance, uri, 1)
    return message


def _valid(chance, uri):
    position = {"line": chance.randint(0, 30), "character": chance.randint(0, 90)}
    where = {"start": position, "end": {"line": chance.randint(0, 30), "character": 0}}
    return {
        "textDocument": {"uri": uri, "version": 3, "languageId": "x", "text": "a\r\n😋\rb"}, "position": position,
        "range": where, "uri": uri, "question": "why?", "query": "card", "context": {"diagnostics": []},
        "contentChanges": [{"range": where, "text": "é\n"}],
        "arguments": [{"uri": uri, "range": where, "question": "what?"}],
        "command": chance.choice(["whence.ask", "whence.why", "whence.status", "x"]),
    }  # fmt: skip


def _anything(chance, uri, depth):
    kind = chance.randrange(9 if depth else 7)
    if kind == 7:
        return [_anything(chance, uri, depth - 1) for _ in range(chance.randint(0, 3))]
    if kind == 8:
        return {chance.choice(KEYS): _anything(chance, uri, depth - 1) for _ in range(chance.randint(0, 5))}
    number = chance.choice([-1, 0, 3, 2**31, 2**70])
    text = chance.choice(["", "\0", "\ud800", "file:///%", "x" * 3000, "untitled:1", "../../etc", "why"])
    return [None, chance.random() < 0.5, number, 1.5, uri, text, "whence"][kind]
