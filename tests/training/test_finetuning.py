"""Stages 4a to 4d over a small project with a tiny model of random weights: all the way, and no test seen early."""

import json
import shutil
from dataclasses import replace

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("datasketch")
pytest.importorskip("llama_cpp", reason="make test-model installs llama-cpp-python")

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from whence_indexer.workspace import Workspace
from whence_server.generation.prompt import system_text
from whence_server.models.installed import Home
from whence_training.configfile import read_config
from whence_training.errors import BlockedError, ConfigError, InputError
from whence_training.evaluation.encoders import local_encoder
from whence_training.evaluation.report import read_report
from whence_training.finetuning import stage
from whence_training.finetuning.base import find_base, load_model
from whence_training.gguf_export import quantize
from whence_training.qa.record import Evidence, Record
from whence_training.reader.tokens import TEMPLATE, train_reader_tokenizer
from whence_training.stages import open_run, run_stages

pytestmark = pytest.mark.filterwarnings("default")
CONFIG = """
dataset_generator:
  train_ratio: 0.6
  gates: {{minimum: 5, per_category: 1, share: 1.0, extractive: 0.2}}
finetuning:
  {{base_model: {base}, epochs: 2, lora_r: 4, gradient_accumulation_steps: 2, learning_rate: 0.01, logging_steps: 1,
   cv: 2, search: {{trials: 2, lora_r: [2, 4], lora_alpha: [8], learning_rate: []}}}}
evaluation: {{most: 4, suite: 1, metrics: [rouge, token_f1, bertscore]}}
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder as transformers saves it."""
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = train_reader_tokenizer([f"{system_text('quote')} Cart.add(item) in shop/cart.py"] * 9, 600)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=64, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=2048, tie_word_embeddings=True,
        bos_token_id=None, eos_token_id=tokenizer.token_to_id("<|im_end|>"),
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


NOUNS = "invoice warehouse customer discount voucher parcel supplier refund delivery catalogue".split()


@pytest.fixture
def store(shop):
    """The shop with enough files that each split has some."""
    for noun in NOUNS:
        text = f'def pack_{noun}(item):\n    """Wraps the {noun} in paper before it is given to the carrier."""\n'
        text += f'\n\ndef send_{noun}(item):\n    """Hands the {noun} to the carrier once it is paid for."""\n'
        shop.write(f"shop/{noun}.py", text)
    shop.commit("Pack and send what is sold", date="2024-06-03T10:00:00+00:00")
    return shop


@pytest.fixture
def home(tmp_path, monkeypatch):
    """No installed models."""
    held = Home(tmp_path / "models")
    monkeypatch.setattr(stage, "user_home", lambda: held)
    return held


def test_from_a_project_to_a_chosen_checkpoint_that_was_measured(store, tmp_path, base, home, monkeypatch):
    (tmp_path / "train.yaml").write_text(CONFIG.format(base=base))
    told = read_config(tmp_path / "train.yaml")
    said, read = [], []
    run = open_run(store.open(), told, note=said.append)
    made = {each.number: done for each, done in run_stages(run, ["1", "2", "3", "4a", "4b"])}
    with monkeypatch.context() as patch:
        records = stage.read_records
        patch.setattr(stage, "read_records", lambda file: read.append(file.name) or records(file))
        made |= {each.number: done for each, done in run_stages(run, ["4c"])}
    assert read == ["validation.jsonl"]  # a checkpoint is not chosen by what is to measure it
    store.write("docs/guide.md", "# Guide\n\nTo be written.\n")
    store.write("shop/cart.py", "")
    store.commit("Begin anew", date="2024-06-04T10:00:00+00:00")
    Workspace(run.repository).update()  # an editor's server, while this trains
    made |= {each.number: done for each, done in run_stages(run, ["4d"])}

    training = json.loads((made["4b"].folder / "training.json").read_text())
    assert training["name"] == f"{base.name}_none_r{training['settings']['lora_r']}_lr0.01"
    assert training["settings"]["lora_r"] in (2, 4)
    assert (len(training["search"]["trials"]), training["cv"]["folds"]) == (2, 2)
    assert training["settings"]["max_seq_length"] == 2048  # as much as is served
    assert training["examples"] > training["cut"] >= 0
    assert training["examples"] > training["retrieved"] > 0
    assert 0 < training["parameters"]["share"] < 0.2
    assert (made["4b"].folder / "checkpoints" / "log.jsonl").exists()
    selection = json.loads((made["4c"].folder / "checkpoint_selection.json").read_text())
    assert [each["name"] for each in selection["checkpoints"]] == ["checkpoint-1", "checkpoint-2"]
    assert selection["selected"] == max(selection["checkpoints"], key=lambda each: each["rank"])["name"]
    without = () if local_encoder().contextual else ("bertscore_f1",)
    assert {tuple(each["missing"]) for each in selection["checkpoints"]} == {without}
    before = read_report(made["4a"].folder / "eval_baseline.json")
    after = read_report(made["4d"].folder / "eval_finetuned.json")
    assert [each.id for each in before.predictions] == [each.id for each in after.predictions]
    shown, shown_after = ([each.metrics.get("context_recall") for each in x.predictions] for x in (before, after))
    assert shown == shown_after
    assert before.facts["evidence"] == after.facts["evidence"] == "retrieval"
    quotations = read_report(made["4a"].folder / "eval_champion.json")  # which answer where no model is in use
    assert (quotations.model, quotations.samples) == ("extractive", before.samples)
    assert 0 <= after.facts["unsayable"] < after.samples
    assert before.dataset == after.dataset == made["3"].summary["version"]
    assert {file.name for file in made["4d"].folder.iterdir()} >= {"comparison.json", "samples.html", "risks.json"}
    assert any(message.startswith("epoch 2:") for message in said)

    again = [done.hash for _, done in run_stages(run, ["4a", "4b", "4c", "4d"])]
    assert again == [made[number].hash for number in ("4a", "4b", "4c", "4d")]
    shutil.rmtree(made["4d"].folder)  # as a process killed in it leaves it
    assert [done.hash for _, done in run_stages(run, ["4d"])] == again[-1:]

    few = tmp_path / "few.jsonl"  # the gates that the dataset has passed say nothing of another file
    few.write_text("".join((made["3"].folder / "train.jsonl").read_text().splitlines(keepends=True)[:3]))
    named = replace(
        run, config=told.model_copy(update={"finetuning": told.finetuning.model_copy(update={"train_data": few})})
    )
    (held,) = [done for _, done in run_stages(named, ["4b", "4c"])]
    assert held.summary["blocked"][0].startswith(f"minimum: {held.summary['examples']}, limit 5")
    assert stage.data_of(run, made)["version"] == before.dataset != stage.data_of(named, made)["version"]


def test_blocked_data_is_not_trained_on(shop, tmp_path, base, home):
    (tmp_path / "train.yaml").write_text(CONFIG.format(base=base).replace("minimum: 5,", "minimum: 5000,"))
    run = open_run(shop.open(), read_config(tmp_path / "train.yaml"))
    done = [each.number for each, _ in run_stages(run, ["1", "2", "3", "4a"])]
    assert done == ["1", "2", "3"]
    with pytest.raises(BlockedError, match="minimum"):
        list(run_stages(run, ["4a"]))


def test_a_score_that_nothing_measures_is_refused_before_it_is_trained_for(store, tmp_path, base, home):
    weights = "combined_weights: {rougeL: 1, bertscore_f1: 0, token_f1: 0, rouge1: 0}"
    told = CONFIG.format(base=base).replace("metrics: [rouge, token_f1, bertscore]", f"metrics: [token_f1], {weights}")
    (tmp_path / "train.yaml").write_text(told)
    run = open_run(store.open(), read_config(tmp_path / "train.yaml"))
    with pytest.raises(ConfigError, match="nothing measures rougeL here"):
        list(run_stages(run, ["1", "2", "3", "4a", "4b"]))


def test_a_gguf_is_base_enough_whatever_its_bits(base, shop, tmp_path, home):
    repository = shop.open()
    found = find_base(str(base), repository, home, tmp_path / "cache")
    assert (found.mode, found.blocks, found.context) == ("quote", 2, 2048)
    assert find_base(str(base), repository, home, tmp_path / "cache").file == found.file
    small = quantize(found.file, tmp_path / "small.gguf", "Q8_0")
    told = read_config(None).finetuning
    whole, loaded = (
        load_model(place, told) for place in (base, find_base(str(small), repository, home, small).weights)
    )
    assert loaded.config.tie_word_embeddings
    for name, values in whole.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], values, atol=2e-3, rtol=0.02)
    with pytest.raises(ConfigError, match="no model is in use here"):
        find_base(None, repository, home, tmp_path / "cache")
    with pytest.raises(ConfigError, match="nor is nowhere a file or folder"):
        find_base("nowhere", repository, home, tmp_path / "cache")


def test_records_that_share_a_source_with_what_measures_are_not_learnt_from():
    learnt, measured = (
        Record("docs", "what", "easy", question, "It.", (Evidence("doc", "It is.", "guide.md"),), (), "rules", name)
        for name, question in (("one", "What is it?"), ("two", "What else is it?"))
    )
    with pytest.raises(InputError, match=r"train and test data share a source \(guide.md\)"):
        stage._refuse_leaks([learnt], [], [measured])
    stage._refuse_leaks([learnt], [], [replace(measured, context=(Evidence("doc", "It was.", "other.md", 1),))])
