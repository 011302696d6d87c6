"""Who writes: installed models that share workers, the way from one champion to the next, endpoints elsewhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, closing, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from tests.server.generation.gguf_models import write_model

from whence_indexer.errors import QueryError
from whence_server.errors import OfflineError, PromptError, WorkerError
from whence_server.generation.endpoint import Endpoint
from whence_server.generation.generator import Request
from whence_server.generation.prompt import VERSION
from whence_server.generation.serving import AUTO, NONE, Serving
from whence_server.models.choosing import challenge, use
from whence_server.models.installed import Home
from whence_server.models.manifest import Manifest
from whence_server.models.naming import reference
from whence_server.models.places import open_place
from whence_server.models.publishing import publish
from whence_server.models.pulling import Terms, import_gguf, pull
from whence_server.models.registry import Registry
from whence_server.types import Model

ASKED = Request("Be brief.", "Evidence: none. Question: why?", max_tokens=4)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Home(tmp_path / "models")


@pytest.fixture
def serving(home):
    notes = []
    with closing(Serving(home, notes.append)) as made:
        made.notes = notes
        yield made


def install(home, tmp_path, name, seed):
    return import_gguf(home, write_model(tmp_path / f"{name}.gguf", seed=seed), Terms()).label


def test_quotations_answer_until_a_model_is_used_and_when_none_is_asked_for(serving):
    for wanted in (AUTO, NONE):
        with serving.writing(wanted) as writing:
            assert writing is None


def test_a_name_that_is_not_here_is_an_error_and_a_champion_that_went_is_not(serving, home, tmp_path):
    with pytest.raises(QueryError, match="no model 'llama' here"), serving.writing("llama"):
        pass
    label = install(home, tmp_path, "first", 1)
    use(home, reference("first"))
    home.blobs.remove(home.manifest(label).base.digest)
    with serving.writing(AUTO) as writing:
        assert writing is None
    assert "quotations answer" in serving.notes[0]


@pytest.mark.model
def test_the_champion_before_answers_while_the_new_one_loads_and_only_two_stay_loaded(serving, home, tmp_path):
    for seed, name in enumerate(("first", "second", "third")):
        install(home, tmp_path, name, seed)
    use(home, reference("first"))
    with serving.writing(AUTO) as writing:
        assert writing.generator.generate(ASKED).text
        assert writing.generator.model.name == "first"
    use(home, reference("second"))
    with serving.writing(AUTO) as writing:
        assert writing.generator.model.name == "first"  # the other loads meanwhile
        with serving.writing("second") as second:
            assert second.generator.count(["ready"])
    with serving.writing(AUTO) as writing:
        assert writing.generator.model.name == "second"
        with serving.writing("third") as third, serving.writing("first") as first:
            pids = [each.generator.worker.pid for each in (writing, third, first)]
            assert all(each.generator.generate(ASKED).text for each in (writing, third, first))
    alive = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
    assert len(alive) == len(serving._workers._by_base) == 2


@pytest.mark.model
def test_a_file_that_was_replaced_under_its_name_answers_as_it_is_now(serving, tmp_path):
    path = write_model(tmp_path / "mine.gguf", seed=1)
    with serving.writing(str(path)) as writing:
        before, old = writing.generator.generate(ASKED).text, writing.generator.worker.pid
    write_model(tmp_path / "newer.gguf", seed=2).replace(path)
    with serving.writing(str(path)) as writing:
        assert writing.generator.generate(ASKED).text != before
    with serving.writing(str(path)) as again:
        assert again.generator.worker is writing.generator.worker
    assert not os.path.exists(f"/proc/{old}")


@pytest.mark.model
def test_a_model_for_another_prompt_is_used_and_that_is_said_once(serving, home, tmp_path):
    path = write_model(tmp_path / "old.gguf")
    blob = home.blobs.add(path)
    publish(tmp_path / "registry", Manifest("old", "1", "quote", blob, prompt="1"), [path])
    pull(home, Registry(open_place(str(tmp_path / "registry"))), reference("old"), Terms())
    for _ in range(2):
        with serving.writing("old") as writing:
            assert writing.generator.mode == "quote"
    assert serving.notes == [f"old@1 was made for version 1 of the prompt, and gets {VERSION}"]


@pytest.mark.model
def test_a_challenger_gets_its_share_and_a_dead_one_goes(serving, home, tmp_path):
    for seed, name in enumerate(("first", "second")):
        install(home, tmp_path, name, seed)
    use(home, reference("first"))
    challenge(home, reference("second"), 100)
    for number in range(3):
        with serving.writing(AUTO, question=f"question {number}") as writing:
            assert writing.generator.model.name == "second"
            writing.ended(False)
    assert "taken back: it failed at 3 of 3" in serving.notes[-1]
    with serving.writing(AUTO, question="question 1") as writing:
        assert writing.generator.model.name == "first"


@pytest.mark.model
def test_a_challenger_whose_file_is_gone_is_taken_back_while_the_champion_answers(serving, home, tmp_path):
    for seed, name in enumerate(("first", "second")):
        install(home, tmp_path, name, seed)
    use(home, reference("first"))
    label = challenge(home, reference("second"), 100).challenger
    home.blobs.remove(home.manifest(label).base.digest)
    for number in range(3):
        with serving.writing(AUTO, question=f"question {number}") as writing:
            assert writing.generator.model.name == "first"
    assert "the champion answers" in serving.notes[0]
    assert "taken back: it failed at 3 of 3" in serving.notes[-1]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """llama.cpp's own server, which speaks as OpenAI's does."""
    pytest.importorskip("llama_cpp")
    pytest.importorskip("starlette_context", reason="make test-model installs what llama.cpp's server needs")
    model = write_model(tmp_path_factory.mktemp("elsewhere") / "tiny.gguf")
    command = [sys.executable, "-m", "llama_cpp.server", "--model", str(model), "--port", "0", "--api_key", "sesame",
               "--n_ctx", "2048", "--chat_format", "chatml"]  # fmt: skip
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in run.stderr:
            if "running on" in line:
                yield line.split("running on ")[1].split()[0] + "/v1"
                break
    finally:
        run.kill()
        run.communicate()


@pytest.mark.model
def test_an_endpoint_writes_with_the_key_and_says_who_it_is(elsewhere, monkeypatch, serving):
    monkeypatch.setenv("WHENCE_API_KEY", "sesame")
    monkeypatch.setenv("WHENCE_OFFLINE", "1")  # it is on this machine
    pieces = []
    with serving.writing(f"{elsewhere}#tiny") as writing:
        written = writing.generator.generate(ASKED, pieces.append)
    assert written.text == "".join(pieces)
    assert written.finish == "length"
    assert writing.generator.model == Model("tiny")
    monkeypatch.delenv("WHENCE_API_KEY")
    with pytest.raises(WorkerError, match="does not let you in"):
        Endpoint.parse(f"{elsewhere}#tiny").generate(ASKED)


@pytest.mark.model
def test_an_endpoint_is_stopped_at_once(elsewhere, monkeypatch):
    monkeypatch.setenv("WHENCE_API_KEY", "sesame")
    begun = time.monotonic()

    class EnoughError(Exception):
        pass

    def check():
        if time.monotonic() - begun > 0.1:
            raise EnoughError

    long = Request("Be long.", "Say much. " * 150, max_tokens=400)
    with pytest.raises(EnoughError):
        Endpoint.parse(f"{elsewhere}#tiny").generate(long, check=check)


@pytest.mark.parametrize(
    "spec", ["http://127.0.0.1:1/v1", "http://#name", "https://user:secret@/v1#", "http://[a:secret@[b#name"]
)
def test_an_endpoint_without_host_or_name_is_refused_and_its_password_not_repeated(spec, serving):
    with pytest.raises(QueryError, match="URL#NAME") as refused, serving.writing(spec):
        pass
    assert "secret" not in str(refused.value)


def test_an_endpoint_that_is_not_there_says_so():
    with pytest.raises(WorkerError, match=r"http://127.0.0.1:1/v1 cannot be reached"):
        Endpoint.parse("http://127.0.0.1:1/v1#name").generate(ASKED)


def test_offline_no_other_machine_is_asked(monkeypatch, serving):
    monkeypatch.setenv("WHENCE_OFFLINE", "1")
    with pytest.raises(OfflineError), serving.writing("https://models.example.org/v1#name"):
        pass


@pytest.fixture
def one_page():
    """`one_page(body, status)` is the address of a server that answers everything with it."""
    with ExitStack() as servers:

        def serve(body, status=200):
            class Handler(BaseHTTPRequestHandler):
                def do_POST(self):
                    self.rfile.read(int(self.headers["Content-Length"]))
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(body.encode())

                def log_message(self, format, *args):
                    pass

            server = servers.enter_context(HTTPServer(("127.0.0.1", 0), Handler))
            Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            servers.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}/v1"

        yield serve


WORDS = 'data: {"choices": [{"delta": {"content": "Sent again. [1]"}, "finish_reason": null}]}\n\n'
END = 'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'


def test_an_endpoint_of_this_machine_is_not_asked_through_the_proxy(one_page, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, one_page("I hear everything", 502).removesuffix("/v1"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    address = one_page(f"{WORDS}{END}data: [DONE]\n\n")
    assert Endpoint.parse(f"{address}#name").generate(ASKED).text == "Sent again. [1]"
    with pytest.raises(WorkerError, match="502"):  # another machine is
        Endpoint.parse("http://models.example.org/v1#name").generate(ASKED)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("data: {}\n\n", "no stream of chat completions"),
        ("<html>hello</html>", "no stream of chat completions"),
        ('data: {"choices": [{"delta": {"content": 7}}]}\n\ndata: [DONE]\n\n', "no stream of chat completions"),
        ('data: {"choices": [{"delta": {"content": "cut"}}]}\n\n', "broke off in the middle"),
        (WORDS + 'data: {"error": {"message": "CUDA out of memory"}}\n\n', "failed: CUDA out of memory"),
        (END.replace("stop", "length"), "wrote nothing: it may have thought"),
    ],
)
def test_nonsense_from_an_endpoint_is_an_error_not_an_answer(body, why, one_page):
    with pytest.raises(WorkerError, match=why):
        Endpoint.parse(f"{one_page(body)}#name").generate(ASKED)


def test_an_answer_that_ends_without_the_last_line_is_one(one_page):
    assert Endpoint.parse(f"{one_page(WORDS + END)}#name").generate(ASKED).text == "Sent again. [1]"


def test_what_an_endpoint_thinks_is_no_part_of_its_answer(one_page):
    words = ("<thi", "nk>hm", "m.\\n</th", "ink>\\n\\nSent", " again. [1]")
    told = []
    lines = [WORDS.replace("Sent again. [1]", word) for word in words]
    address = one_page("".join([*lines, END]))
    assert Endpoint.parse(f"{address}#name").generate(ASKED, told.append).text == "Sent again. [1]"
    assert told == ["Sent", " again. [1]"]
    address = one_page("".join([*lines[:2], END.replace("stop", "length")]))
    with pytest.raises(WorkerError, match="wrote nothing: it may have thought"):
        Endpoint.parse(f"{address}#name").generate(ASKED)


@pytest.mark.parametrize("silent", [True, False])
def test_an_endpoint_hears_that_nobody_waits_any_more(silent):
    """Before its first word, or between two."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        gone = []

        def answer():
            with server.accept()[0] as connection, suppress(ConnectionResetError):
                connection.settimeout(10)
                connection.recv(65536)
                if not silent:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + WORDS.encode())
                while connection.recv(65536):
                    pass
            gone.append(time.monotonic())

        serving = Thread(target=answer)
        serving.start()
        begun = time.monotonic()

        def check():
            if time.monotonic() - begun > 0.5:
                raise TimeoutError

        with pytest.raises(TimeoutError):
            Endpoint.parse(f"http://127.0.0.1:{server.getsockname()[1]}/v1#name").generate(ASKED, check=check)
        serving.join()
    assert gone
    assert gone[0] - begun < 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error": {"message": "no model\\nof that name"}}', r"404: no model of that name\Z"),
        ('{"error": "try pulling it first"}', r"404: try pulling it first\Z"),
        ('{"detail": "Not Found"}', r"404: Not Found\Z"),
        ("<!DOCTYPE HTML><h1>Not found</h1>", r"404\Z"),
        ('["?"]', r"404\Z"),
        ("[" * 100_000, r"404\Z"),
    ],
)
def test_what_an_endpoint_says_went_wrong_is_told_and_web_pages_are_not(body, said, one_page):
    with pytest.raises(PromptError, match=f"answered {said}"):
        Endpoint.parse(f"{one_page(body, 404)}#name").generate(ASKED)
