"""A trained adapter in the registry: named, described, never twice under one version, and handed on as a ZIP."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.training.release.conftest import write_peft
from tests.training.release.reports import report

from whence_server.models.bundle import import_bundle
from whence_server.models.choosing import load
from whence_server.models.installed import user_home
from whence_server.models.naming import reference
from whence_server.models.places import open_place
from whence_server.models.pulling import Terms, import_gguf, pull
from whence_server.models.registry import Registry, read_index
from whence_training.config import Config, Registration
from whence_training.errors import ConfigError
from whence_training.qa.gates import Gate
from whence_training.release.exports import log_mlflow, upload
from whence_training.release.registering import export, register

CONFIG = Config(domain="shop", registration=Registration(licence="MIT"))


@pytest.fixture
def registry(tmp_path):
    return tmp_path / "registry"


@pytest.fixture
def registered(trained, judged, registry, tmp_path):
    """Registers the adapter of a seed; returns what was said, and the folder of its files."""
    pytest.importorskip("torch", reason="make test-training installs it, and adapters are read with it")

    def made(seed=0, config=CONFIG, gates=(), champion=None, **data):
        folder = tmp_path / f"made-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        this = replace(trained, adapter=write_peft(tmp_path / f"peft-{seed}", seed), data={**trained.data, **data})
        judgement = replace(judged, gates=gates, champion=champion)
        return register(this, judgement, export(this, config.registration, folder), config, registry, folder), folder

    return made


def test_a_registered_model_says_what_it_is_and_the_server_pulls_it(registered, registry):
    told, folder = registered()
    assert (told["name"], told["version"], told["is_update"]) == ("shop-qa-lora-v1.0", "1.0", False)
    assert json.loads((folder / "registration.json").read_text()) == told
    assert set(told) >= {
        "repo_id", "url", "version", "is_update", "base_model", "metrics", "registered_at", "private"
    }  # fmt: skip
    home = user_home()
    manifest = pull(home, Registry(open_place(told["url"])), reference("shop-qa-lora"), Terms())
    assert load(home, "shop-qa-lora@1.0").adapter.is_file()
    assert (manifest.licence, manifest.data, manifest.metrics["accuracy"]) == ("MIT", f"sha256-{'ab' * 32}", 0.8)
    card = home.blobs.read(manifest.files["README.md"]).decode()
    for said in ("shop-qa-lora-v1.0", manifest.base.digest, "+0.3000 (+0.1000 to +0.5000)", "## Limits", "MIT", "12.5"):
        assert said in card
    training = json.loads(home.blobs.read(manifest.files["training_data.json"]))
    assert training["version"] == "ab" * 32


def test_the_same_again_is_the_same_version_and_another_one_the_next(registered, registry):
    assert [registered(seed)[0]["version"] for seed in (0, 1, 0, 2)] == ["1.0", "1.1", "1.0", "1.2"]
    assert registered(2, version="cd" * 32)[0]["version"] == "1.3"  # the same weights of other data
    (registry / "index.json").write_text('{"schema": 1, "models": {}}')  # somebody cleared the list
    told, _ = registered(5)
    assert (told["version"], told["is_update"]) == ("1.4", True)


def test_registered_again_nothing_is_missing_and_no_verdict_is_the_old_one(registered, registry):
    refused = [Gate("weakest category", "failed", 0.1, 0.3)]
    passed = [Gate("weakest category", "passed", 0.4, 0.3)]
    merged = CONFIG.model_copy(update={"registration": Registration(merged=True, licence="MIT")})
    made, folder = registered(gates=passed)
    again, later = registered(config=merged, gates=passed)
    assert again["version"] == made["version"]
    assert read_index((registry / "index.json").read_bytes())["shop-qa-lora-merged"].versions.keys() == {"1.0"}
    for name in ("README.md", "training_data.json", "adapter_config.json"):
        assert (later / name).read_bytes() == (folder / name).read_bytes()
    told, _ = registered(gates=refused)
    assert (told["version"], told["gates"]) == ("1.1", {"weakest category": False})
    fewer = CONFIG.model_copy(update={"registration": Registration(merged=True, quantization="Q8_0", licence="MIT")})
    assert registered(config=fewer, gates=passed)[0]["version"] == "1.2"


def test_a_gate_without_a_measure_is_not_among_those_passed(registered):
    told, folder = registered(gates=[Gate("facts", "passed", 1, 1), Gate("curated accuracy", "unmeasured", 0, 0.85)])
    assert told["gates"] == {"facts": True}
    assert "| curated accuracy | unmeasured |" in (folder / "README.md").read_text()


def test_the_card_tells_how_what_answered_before_did(registered):
    _, folder = registered(champion=report("extractive", accuracy=0.95))
    card = (folder / "README.md").read_text()
    assert "| measure | this | extractive, which answered before |" in card
    assert "| accuracy | 0.8000 | 0.9500 |" in card
    assert "| quantization_loss | 0.0000 | – |" in card  # of no other


def test_the_zip_goes_to_another_machine_and_back(registered, trained, tmp_path):
    told, folder = registered()
    home = user_home()
    import_gguf(home, trained.base, Terms(anyway=True))
    manifest = import_bundle(home, folder / told["bundle"])
    assert (manifest.label, manifest.metrics["accuracy"]) == ("shop-qa-lora@1.0", 0.8)
    assert set(manifest.files) == {"adapter_config.json", "training_data.json", "README.md"}


@pytest.mark.model
@pytest.mark.parametrize(("bits", "alike"), [(None, 0.9999), ("Q8_0", 0.95)])
def test_a_model_without_adapter_says_the_same(registered, registry, trained, bits, alike):
    pytest.importorskip("llama_cpp", reason="make test-model installs it")
    config = CONFIG.model_copy(update={"registration": Registration(merged=True, quantization=bits)})
    told, folder = registered(7, config)
    home = user_home()
    place = Registry(open_place(str(registry)))
    whole = pull(home, place, reference("shop-qa-lora-merged"), Terms(anyway=True))
    assert (whole.version, whole.adapter, whole.gates) == (told["version"], None, {})
    tuned, merged = logits(trained.base, folder / "adapter.gguf"), logits(home.blobs.path(whole.base.digest))
    assert np.corrcoef(tuned, merged)[0, 1] > alike
    assert np.corrcoef(tuned, logits(trained.base))[0, 1] < 0.9


def logits(file, adapter=None):
    from whence_server.generation.engine import Engine, Settings

    with closing(Engine(file, 0)) as engine:
        engine.configure(Settings(64, 1))
        engine.use_adapter(str(adapter) if adapter else None)
        engine.extend(engine.tokenize("The card is charged once."))
        return np.array(engine.logits())


def test_fewer_bits_are_for_whole_models():
    with pytest.raises(ValueError, match="an adapter keeps its base as it is"):
        Registration(quantization="Q8_0")


def test_nothing_is_uploaded_but_by_name(registered, registry):
    told, _ = registered()
    assert not CONFIG.registration.upload
    with pytest.raises(ConfigError, match="hf_username"):
        upload(registry, told)
    asked = Registration(hf_username="ada", private=True)
    told, _ = registered(3, Config(domain="shop", registration=asked))
    assert (told["repo_id"], told["private"]) == ("ada/shop-qa-lora", True)
    hub = Hub()
    assert upload(registry, told, hub) == "hf://ada/shop-qa-lora"
    assert hub.said == [("create", "ada/shop-qa-lora", True), ("upload", "ada/shop-qa-lora", str(registry))]


class Hub:
    """Hugging Face, as far as an upload needs it."""

    def __init__(self):
        self.said = []

    def create_repo(self, name, private, exist_ok):
        self.said.append(("create", name, private))

    def upload_folder(self, repo_id, folder_path, ignore_patterns, commit_message):
        assert not [file for file in Path(folder_path).rglob("*.gguf") if "part" in file.name]
        self.said.append(("upload", repo_id, folder_path))


def test_mlflow_finds_the_run_in_its_files(registered, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    told, folder = registered()
    run = log_mlflow(tmp_path / "mlruns", told, {"lora_r": 4}, folder)
    kept = mlflow.MlflowClient((tmp_path / "mlruns").as_uri()).get_run(run).data
    assert (kept.metrics["accuracy"], kept.params["lora_r"]) == (0.8, "4")


def test_without_mlflow_it_says_what_to_install(registered, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "mlflow", None)
    told, folder = registered()
    with pytest.raises(ConfigError, match=r"registration\.mlflow needs MLflow: .* -m pip install "):
        log_mlflow(tmp_path / "mlruns", told, {}, folder)
