"""An adapter of a tiny random model, made here: its loss falls, and a run that was cut ends with the same weights."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from whence_training.config import Finetuning
from whence_training.errors import ConfigError
from whence_training.finetuning.checkpoints import LOG, trained_share
from whence_training.finetuning.examples import IGNORED, Example
from whence_training.finetuning.tuning import fine_tune

pytestmark = pytest.mark.filterwarnings("default")
SIZES = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 2, "max_position_embeddings": 64,
}  # fmt: skip
TOLD = Finetuning(lora_r=4, lora_alpha=8, epochs=4, learning_rate=0.02, batch_size=2, gradient_accumulation_steps=2)


def tiny(kind=Qwen2ForCausalLM, config=Qwen2Config):
    torch.manual_seed(1)
    return kind(config(**SIZES))


def examples(count, start=0):
    """A prompt of a few ids, then an answer that hangs on its first."""
    made = []
    for number in range(start, start + count):
        prompt, answer = [number % 5 + 1, 7, 8 + number % 3], [number % 5 + 20, number % 5 + 21]
        made.append(Example((*prompt, *answer), (IGNORED, IGNORED, IGNORED, *answer)))
    return made


@pytest.mark.parametrize(("kind", "config"), [(Qwen2ForCausalLM, Qwen2Config), (LlamaForCausalLM, LlamaConfig)])
def test_the_loss_falls_and_each_epoch_is_a_checkpoint(tmp_path, kind, config):
    made = fine_tune(tiny(kind, config), examples(20), examples(6, 20), TOLD, tmp_path)
    assert [checkpoint.folder.name for checkpoint in made] == [f"checkpoint-{epoch}" for epoch in (1, 2, 3, 4)]
    assert made[-1].loss < made[0].loss
    assert made[-1].validation_loss < made[0].validation_loss
    assert (made[-1].folder / "adapter_config.json").exists()


def test_a_run_that_was_cut_ends_with_the_same_weights(tmp_path):
    whole = fine_tune(tiny(), examples(20), examples(6, 20), TOLD, tmp_path / "whole")

    class CutError(Exception):
        pass

    def cut(message):
        if message.startswith("epoch 2"):
            raise CutError

    with pytest.raises(CutError):
        fine_tune(tiny(), examples(20), examples(6, 20), TOLD, tmp_path / "cut", cut)
    resumed = fine_tune(tiny(), examples(20), examples(6, 20), TOLD, tmp_path / "cut")
    assert [each.validation_loss for each in resumed] == [each.validation_loss for each in whole]
    ours, theirs = (load_file(made[-1].folder / "adapter_model.safetensors") for made in (resumed, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_it_stops_when_the_validation_loss_no_longer_falls(tmp_path):
    told = TOLD.model_copy(update={"epochs": 12, "patience": 1, "learning_rate": 1e-12})
    assert len(fine_tune(tiny(), examples(8), examples(4, 40), told, tmp_path)) < 12


def test_steps_bound_a_run_as_well(tmp_path):
    told = TOLD.model_copy(update={"strategy": "steps", "max_steps": 3})
    made = fine_tune(tiny(), examples(8), examples(4), told, tmp_path / "one")
    assert [checkpoint.step for checkpoint in made] == [3]
    told = told.model_copy(update={"save_steps": 2, "logging_steps": 1})
    made = fine_tune(tiny(), examples(8), examples(4), told, tmp_path / "two")
    assert [(checkpoint.step, checkpoint.epoch) for checkpoint in made] == [(2, 1.0), (3, 1.5)]
    rows = [json.loads(line) for line in (tmp_path / "two" / LOG).read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]


@pytest.mark.parametrize(
    ("train", "changes", "said"),
    [
        ([], {}, "no example"),
        ([Example((1, 2), (IGNORED, IGNORED))], {}, "its answer was cut away"),
        (examples(2), {"quantization": "4bit"}, "needs CUDA"),
        (examples(2), {"fp16": True}, "needs CUDA"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, train, changes, said):
    with pytest.raises(ConfigError, match=said):
        fine_tune(tiny(), train, examples(2), TOLD.model_copy(update=changes), tmp_path)


def test_a_head_that_is_the_embedding_too_is_left_to_the_last_block(tmp_path):
    told = TOLD.model_copy(update={"method": "lm_head", "epochs": 1})
    for tied, names in ((True, {"layers.1"}), (False, {"lm_head"})):
        torch.manual_seed(1)
        base = Qwen2ForCausalLM(Qwen2Config(**SIZES, tie_word_embeddings=tied))
        (made,) = fine_tune(base, examples(8), examples(4), told, tmp_path / str(tied))
        weights = load_file(made.folder / "adapter_model.safetensors")
        assert all("lora_" in key and any(name in key for name in names) for key in weights)
        share = trained_share(made.folder, sum(each.numel() for each in tiny().parameters()))
        assert 0 < share["trained"] == sum(each.numel() for each in weights.values())
        assert share["share"] < 0.5


@pytest.mark.parametrize("changes", [{"bf16": True}, {"optim": "sgd"}, {"optim": "paged_adamw_32bit"},
                                     {"gradient_checkpointing": True}, {"lr_scheduler_type": "linear"}])  # fmt: skip
def test_every_way_to_train_learns(tmp_path, changes):
    told = TOLD.model_copy(update={"learning_rate": 0.5, **changes} if "sgd" in changes.values() else changes)
    made = fine_tune(tiny(), examples(20), examples(6, 20), told, tmp_path)
    assert made[-1].validation_loss < made[0].validation_loss
