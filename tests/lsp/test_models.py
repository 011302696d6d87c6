"""Models in an editor: listed, fetched, used, asked with the text streaming, judged and rolled back."""

from __future__ import annotations

import json

import pytest
from tests.lsp.client import serving
from tests.server.generation.gguf_models import write_model
from tests.server.models.gguf_files import write_model as write_gguf

from whence_server.models.manifest import Blob, Manifest
from whence_server.models.naming import digest_of
from whence_server.models.publishing import publish

QUESTION = {"question": "what happens when a card is charged?", "partialResultToken": "piece"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.delenv("WHENCE_REGISTRY", raising=False)


@pytest.fixture
def client(home, tmp_path):
    with serving(tmp_path) as made:
        yield made


def offer(folder, path, version):
    blob = Blob(digest_of(path.read_bytes()), path.stat().st_size)
    publish(folder, Manifest("reader", version, "quote", blob), [path], ["champion"])
    return str(folder)


def command(client, name, **argument):
    return client.ask("workspace/executeCommand", {"command": f"whence.{name}", "arguments": [argument]})


def test_models_are_fetched_with_progress_used_and_rolled_back(shop, client, tmp_path):
    client.initialize(shop.path, capabilities={"window": {"workDoneProgress": True}})
    told = client.ask("whence/models")
    assert (told["models"], told["setting"]) == ([], "auto")
    assert {"qwen2.5-coder-1.5b", "qwen3-4b"} <= {preset["name"] for preset in told["presets"]}
    registry = offer(tmp_path / "registry", write_gguf(tmp_path / "reader.gguf"), "1.0")
    (offered,) = client.ask("whence/models", {"registry": registry})["offers"]
    assert (offered["name"], offered["aliases"]) == ("reader", {"champion": "1.0"})
    assert command(client, "pullModel", model="reader", registry=registry)["version"] == "1.0"
    assert command(client, "useModel", model="reader")["champion"] == "reader@1.0"
    (model,) = client.ask("whence/models")["models"]
    assert (model["name"], model["roles"]) == ("reader", ["champion"])
    shop_only = {"root": shop.path.as_uri()}
    assert command(client, "useModel", model="none", **shop_only)["champion"] is None
    told = client.ask("whence/models", shop_only)
    assert (told["roles"]["champion"], told["own"], client.ask("whence/models")["own"]) == (None, True, False)
    assert command(client, "useModel", model="auto", **shop_only)["champion"] == "reader@1.0"
    assert not client.ask("whence/models", shop_only)["own"]
    assert command(client, "rollBackModel")["gone"] == "reader@1.0"
    missing = {"command": "whence.pullModel", "arguments": [{"model": "unheard-of"}]}
    assert "from where?" in client.refused("workspace/executeCommand", missing)["message"]
    missing = {"command": "whence.useModel", "arguments": [{"model": "reader", "share": 101}]}
    assert client.refused("workspace/executeCommand", missing)["code"] == -32602


def test_an_editor_pulls_nothing_that_the_trusted_key_has_not_signed(home, shop, tmp_path, monkeypatch):
    registry = offer(tmp_path / "registry", write_gguf(tmp_path / "reader.gguf"), "1.0")
    (tmp_path / "trusted.pem").write_text("a key")
    monkeypatch.setenv("WHENCE_MODEL_KEY", str(tmp_path / "trusted.pem"))
    with serving(tmp_path) as client:
        client.initialize(shop.path)
        asked = {"command": "whence.pullModel", "arguments": [{"model": "reader", "registry": registry}]}
        assert "it is not signed" in client.refused("workspace/executeCommand", asked)["message"]
        assert client.ask("whence/models")["models"] == []


def test_a_repository_cannot_choose_a_file_or_an_address(shop, client):
    shop.write("whence.toml", 'model = "http://192.0.2.1/v1#spy"\n')
    client.initialize(shop.path)
    assert client.until_indexed()["settings"]["model"] == "auto"
    said = "\n".join(each["message"] for each in client.notified("window/showMessage"))
    assert "the setting 'model' of a repository is a model's name" in said


def test_a_thumb_down_and_its_correction_are_one_opinion(shop, client, tmp_path):
    client.initialize(shop.path)
    for version in ("1.0", "1.1"):
        registry = offer(tmp_path / "registry", write_gguf(tmp_path / f"{version}.gguf"), version)
        command(client, "pullModel", model=f"reader@{version}", registry=registry)
    command(client, "useModel", model="reader@1.0")
    command(client, "useModel", model="reader@1.1", share=50)
    told = client.ask("whence/ask", QUESTION | {"model": "none"})
    given = told | {"model": {"name": "reader", "version": "1.1"}}
    for answer in ("a" * 12, "b" * 12):
        opinion = {"answer": answer, "question": QUESTION["question"], "given": given}
        client.ask("whence/feedback", opinion | {"verdict": "down"})
        client.ask("whence/feedback", opinion | {"verdict": "correction", "text": f"Once, says {answer}."})
    models = client.ask("whence/models")
    assert models["trial"]["reader@1.1"]["down"] == 2
    assert models["roles"]["challenger"] == "reader@1.1"  # two of two may be chance
    for _ in range(3):
        client.ask("whence/feedback", {"answer": told["id"], "verdict": "up"})
    client.ask("whence/feedback", {"answer": told["id"], "verdict": "note", "text": "clear"})
    lines = map(json.loads, (shop.path / ".git" / "whence" / "feedback.jsonl").read_text().splitlines())
    assert [each["verdict"] for each in lines] == ["correction", "correction", "up", "note"]


@pytest.mark.model
def test_a_model_writes_while_the_reader_watches_and_people_judge_it(shop, client, tmp_path):
    pytest.importorskip("llama_cpp", reason="make test-model installs it")
    client.initialize(shop.path)
    client.until_indexed()
    for version, seed in (("1.0", 1), ("1.1", 2)):
        registry = offer(tmp_path / "registry", write_model(tmp_path / f"{version}.gguf", seed=seed), version)
        command(client, "pullModel", model=f"reader@{version}", registry=registry)
    command(client, "useModel", model="reader@1.0")
    told = client.ask("whence/ask", QUESTION)
    pieces = [each["value"]["text"] for each in client.notified("$/progress") if each["token"] == "piece"]
    assert "".join(pieces) == told["answer"]
    assert len(pieces) > 2
    assert told["model"] == {"name": "reader", "version": "1.0"}
    assert told["citations"]
    command(client, "useModel", model="reader@1.1", share=100)
    for _ in range(3):
        told = client.ask("whence/ask", QUESTION)
        assert told["model"]["version"] == "1.1"
        client.ask("whence/feedback", {"answer": told["id"], "verdict": "down"})
    client.wait(lambda: client.ask("whence/models")["roles"]["challenger"] is None)
    assert client.ask("whence/ask", QUESTION)["model"]["version"] == "1.0"
    client.wait(
        lambda: any("is taken back: 3 of 3" in each["message"] for each in client.notified("window/showMessage"))
    )
    assert client.ask("whence/ask", QUESTION | {"model": "none"})["model"]["name"] == "extractive"
    assert "no model 'llama' here" in client.refused("whence/ask", QUESTION | {"model": "llama"})["message"]
