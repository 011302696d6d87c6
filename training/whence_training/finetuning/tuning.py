"""Examples and a causal language model -> a low-rank adapter, by peft: one checkpoint an epoch, resumable to the bit.

Linear, one seed, no trainer. Takes any Hugging Face causal model that is loaded already; downloads nothing.
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel, get_scheduler

from whence_training.config import Finetuning
from whence_training.errors import ConfigError
from whence_training.finetuning.examples import IGNORED, Example

_STATE = "state.pt"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An adapter after an epoch, with the mean loss over each label of the training and of the validation examples."""

    folder: Path
    epoch: int
    loss: float
    validation_loss: float


def fine_tune(
    base: PreTrainedModel,
    train: Sequence[Example],
    validation: Sequence[Example],
    told: Finetuning,
    folder: Path,
    note: Callable[[str], None] = lambda message: None,
) -> list[Checkpoint]:
    """Train an adapter, from the last checkpoint in `folder` on if there is one; all checkpoints, oldest first.

    Stops after `epochs`, after `max_steps` where the strategy is steps, or when the validation loss has not fallen for
    `patience` epochs (0: never). Raises `ConfigError` where there is nothing to learn or this machine cannot do it.
    """
    _check(train, told)
    made = _finished(folder)
    state = torch.load(made[-1].folder / _STATE, weights_only=True) if made else None
    model = _adapted(base, told, made[-1].folder if made else None)
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=told.learning_rate, weight_decay=told.weight_decay)
    steps_an_epoch = math.ceil(math.ceil(len(train) / told.batch_size) / told.gradient_accumulation_steps)
    steps = told.max_steps if told.strategy == "steps" else told.epochs * steps_an_epoch
    schedule = get_scheduler(told.lr_scheduler_type, optimizer, int(told.warmup_ratio * steps), steps)
    if state is not None:
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
    epochs = told.epochs if told.strategy == "epoch" else math.ceil(told.max_steps / steps_an_epoch)
    for epoch in range(len(made), epochs):
        if _is_enough(made, told.patience):
            break
        torch.manual_seed(told.seed * 1_000 + epoch)  # dropout: the same whether or not it was resumed
        done = epoch * steps_an_epoch
        loss = _epoch(model, train, told, optimizer, schedule, random.Random(f"{told.seed} {epoch}"), steps - done)
        checkpoint = Checkpoint(folder / f"checkpoint-{epoch + 1}", epoch + 1, loss, mean_loss(model, validation, told))
        _save(model, checkpoint, {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()})
        made.append(checkpoint)
        note(f"epoch {epoch + 1}: loss {loss:.4f}, validation {checkpoint.validation_loss:.4f}")
    return made


def mean_loss(model: torch.nn.Module, examples: Sequence[Example], told: Finetuning) -> float:
    """The mean negative logarithm of the probability of each label; its exponential is the perplexity. NaN for none."""
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(examples), told.batch_size):
            loss, labels = _loss(model, examples[start : start + told.batch_size])
            total, count = total + float(loss), count + labels
    return total / count if count else math.nan


def _check(train: Sequence[Example], told: Finetuning) -> None:
    if not train:
        raise ConfigError("there is no example to learn from")
    if any(example.learnt == 0 for example in train):
        raise ConfigError("an example has no label to learn from: its answer was cut away")
    if told.quantization is not None and not torch.cuda.is_available():
        raise ConfigError(f"finetuning.quantization {told.quantization} needs CUDA; leave it out on this machine")
    if told.method != "lora":
        raise ConfigError(f"finetuning.method {told.method} is not there yet; there is lora")


def _adapted(base: PreTrainedModel, told: Finetuning, start: Path | None) -> Any:
    if told.gradient_checkpointing:
        base.gradient_checkpointing_enable()
        base.enable_input_require_grads()
    if start is not None:
        return PeftModel.from_pretrained(base, str(start), is_trainable=True)
    torch.manual_seed(told.seed)
    return get_peft_model(
        base,
        LoraConfig(
            r=told.lora_r,
            lora_alpha=told.lora_alpha,
            lora_dropout=told.lora_dropout,
            target_modules=list(told.target_modules),
            bias="none",
            task_type="CAUSAL_LM",
        ),
    )


def _epoch(
    model: torch.nn.Module,
    train: Sequence[Example],
    told: Finetuning,
    optimizer: torch.optim.Optimizer,
    schedule: Any,
    chance: random.Random,
    steps: int,
) -> float:
    """All examples once in a new order, at most `steps` steps; the mean loss over their labels."""
    model.train()
    order = chance.sample(range(len(train)), len(train))
    size = told.batch_size * told.gradient_accumulation_steps
    total, count = 0.0, 0
    for start in range(0, min(len(order), steps * size), size):
        chosen = [train[place] for place in order[start : start + size]]
        labels = sum(example.learnt for example in chosen)
        for at in range(0, len(chosen), told.batch_size):
            loss, _ = _loss(model, chosen[at : at + told.batch_size])
            (loss / labels).backward()  # each label weighs the same, however they fall into batches
            total += float(loss.detach())
        count += labels
        torch.nn.utils.clip_grad_norm_(model.parameters(), told.max_grad_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return total / count if count else math.nan


def _loss(model: torch.nn.Module, examples: Sequence[Example]) -> tuple[torch.Tensor, int]:
    """The summed loss over the labels of a batch, and their number."""
    longest = max(len(example.ids) for example in examples)
    device = next(model.parameters()).device
    ids = torch.zeros((len(examples), longest), dtype=torch.long)
    labels = torch.full((len(examples), longest), IGNORED, dtype=torch.long)
    mask = torch.zeros((len(examples), longest), dtype=torch.long)
    for row, example in enumerate(examples):
        size = len(example.ids)
        ids[row, :size] = torch.tensor(example.ids)
        labels[row, :size] = torch.tensor(example.labels)
        mask[row, :size] = 1
    logits = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits[:, :-1]
    wanted = labels[:, 1:].to(device)
    loss = torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]).float(), wanted.reshape(-1), ignore_index=IGNORED, reduction="sum"
    )
    return loss, int((wanted != IGNORED).sum())


def _save(model: Any, checkpoint: Checkpoint, state: dict[str, Any]) -> None:
    """In one rename: a killed run leaves no half of one."""
    draft = checkpoint.folder.with_name(f".{checkpoint.folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    model.save_pretrained(str(draft))
    torch.save(state, draft / _STATE)
    about = {"epoch": checkpoint.epoch, "loss": checkpoint.loss, "validation_loss": checkpoint.validation_loss}
    (draft / "checkpoint.json").write_text(json.dumps(about), "utf-8")
    draft.replace(checkpoint.folder)


def _finished(folder: Path) -> list[Checkpoint]:
    found = [(file.parent, json.loads(file.read_text("utf-8"))) for file in folder.glob("checkpoint-*/checkpoint.json")]
    return sorted((Checkpoint(place, **about) for place, about in found), key=lambda checkpoint: checkpoint.epoch)


def _is_enough(made: Sequence[Checkpoint], patience: int) -> bool:
    """Whether the validation loss has not fallen for `patience` epochs."""
    losses = [checkpoint.validation_loss for checkpoint in made]
    return 0 < patience < len(losses) and min(losses[-patience:]) >= min(losses[:-patience])
