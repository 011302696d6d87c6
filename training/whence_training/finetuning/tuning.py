"""Examples and a causal language model -> a low-rank adapter, by peft: checkpoints now and then, resumable to the bit.

Linear, one seed, no trainer. Takes any Hugging Face causal model that is loaded already; downloads nothing. Several
processes may train one model together, each calling `fine_tune` alike.
"""

from __future__ import annotations

import json
import math
import random
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import get_scheduler

from whence_training.config import Finetuning
from whence_training.errors import ConfigError
from whence_training.finetuning.checkpoints import LOG, Checkpoint, Log, checkpoints
from whence_training.finetuning.examples import IGNORED, Example
from whence_training.finetuning.processes import ALONE, Processes

_STATE = "state.pt"
_BLOCK = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass(frozen=True, slots=True)
class _Pace:
    """How many examples make a step, steps an epoch and steps a checkpoint, and how many steps there are."""

    size: int
    epoch: int
    span: int
    steps: int


def fine_tune(
    base: Any,
    train: Sequence[Example],
    validation: Sequence[Example],
    told: Finetuning,
    folder: Path,
    note: Callable[[str], None] = lambda message: None,
    processes: Processes = ALONE,
) -> list[Checkpoint]:
    """Train an adapter, from the last checkpoint in `folder` on if there is one; all checkpoints, oldest first.

    A checkpoint is made each epoch, or each `save_steps` where the strategy is steps. Stops when all is done, or when
    the validation loss has not fallen for `patience` checkpoints (0: never). `log.jsonl` in `folder` has the losses.
    Raises `ConfigError` where there is nothing to learn or this machine cannot do it.
    """
    _check(train, told)
    folder.mkdir(parents=True, exist_ok=True)
    made = checkpoints(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by a name that will be another
        model = processes.shared(_adapted(base, told, made[-1].folder if made else None))
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = _optimizer(learnt, told)
    pace = _pace(len(train), told, processes.world)
    schedule = get_scheduler(told.lr_scheduler_type, optimizer, int(told.warmup_ratio * pace.steps), pace.steps)
    if made:
        state = torch.load(made[-1].folder / _STATE, weights_only=True)
        processes.restore(model, optimizer, state["optimizer"])
        schedule.load_state_dict(state["schedule"])
    log = Log(folder / LOG, told.logging_steps, pace.steps, note, processes.rank == 0, made[-1].step if made else 0)
    while (step := made[-1].step if made else 0) < pace.steps and not _is_enough(made, told.patience):
        torch.manual_seed(told.seed * 1_000 + len(made))  # dropout: the same whether or not it was resumed
        end = min(step + pace.span, pace.steps)
        loss = _train(model, train, told, optimizer, schedule, range(step, end), pace, log, processes)
        place = folder / f"checkpoint-{len(made) + 1}"
        checkpoint = Checkpoint(place, end / pace.epoch, end, loss, mean_loss(model, validation, told))
        weights, state = processes.gathered(model, optimizer)
        if processes.rank == 0:
            _save(model, weights, checkpoint, {"optimizer": state, "schedule": schedule.state_dict()})
            note(f"epoch {checkpoint.epoch:g}: loss {loss:.4f}, validation {checkpoint.validation_loss:.4f}")
        made.append(checkpoint)
    return made


def mean_loss(model: Any, examples: Sequence[Example], told: Finetuning) -> float:
    """The mean negative logarithm of the probability of each label; its exponential is the perplexity. NaN for none."""
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(examples), told.batch_size):
            loss, labels = _loss(model, examples[start : start + told.batch_size], told)
            total, count = total + float(loss), count + labels
    return total / count if count else math.nan


def _check(train: Sequence[Example], told: Finetuning) -> None:
    if not train:
        raise ConfigError("there is no example to learn from")
    if any(example.learnt == 0 for example in train):
        raise ConfigError("an example has no label to learn from: its answer was cut away")
    if told.quantization is not None and not torch.cuda.is_available():
        raise ConfigError(f"finetuning.quantization {told.quantization} needs CUDA; leave it out on this machine")
    if told.fp16 and not torch.cuda.is_available():
        raise ConfigError("finetuning.fp16 needs CUDA; leave it out on this machine, or use bf16")


def _pace(examples: int, told: Finetuning, world: int) -> _Pace:
    size = told.batch_size * told.gradient_accumulation_steps * world
    epoch = math.ceil(examples / size)
    if told.strategy == "steps":
        return _Pace(size, epoch, told.save_steps, told.max_steps)
    return _Pace(size, epoch, epoch, told.epochs * epoch)


def _adapted(base: Any, told: Finetuning, start: Path | None) -> Any:
    if told.quantization is not None:
        from peft import prepare_model_for_kbit_training

        base = prepare_model_for_kbit_training(base, use_gradient_checkpointing=told.gradient_checkpointing)
    if told.gradient_checkpointing:
        base.gradient_checkpointing_enable()
        base.enable_input_require_grads()
    if start is not None:
        return PeftModel.from_pretrained(base, str(start), is_trainable=True)
    torch.manual_seed(told.seed)
    modules: Any = list(told.target_modules)
    last = None
    if told.method == "lm_head":
        # A head that is the embedding, too, has no weights of its own: the last block is then what comes nearest.
        tied = base.config.tie_word_embeddings
        modules, last = (_BLOCK, [base.config.num_hidden_layers - 1]) if tied else (["lm_head"], None)
    return get_peft_model(
        base,
        LoraConfig(
            r=told.lora_r,
            lora_alpha=told.lora_alpha,
            lora_dropout=told.lora_dropout,
            target_modules=modules,
            layers_to_transform=last,
            bias="none",
            task_type="CAUSAL_LM",
        ),
    )


def _optimizer(learnt: Sequence[Any], told: Finetuning) -> torch.optim.Optimizer:
    if told.optim == "sgd":
        return torch.optim.SGD(learnt, lr=told.learning_rate, weight_decay=told.weight_decay)
    if told.optim.startswith("paged") and torch.cuda.is_available():
        from bitsandbytes.optim import PagedAdamW32bit  # type: ignore[import-not-found, unused-ignore]

        paged: torch.optim.Optimizer = PagedAdamW32bit(learnt, lr=told.learning_rate, weight_decay=told.weight_decay)
        return paged
    return torch.optim.AdamW(learnt, lr=told.learning_rate, weight_decay=told.weight_decay)


def _train(
    model: Any,
    train: Sequence[Example],
    told: Finetuning,
    optimizer: torch.optim.Optimizer,
    schedule: Any,
    steps: range,
    pace: _Pace,
    log: Log,
    processes: Processes,
) -> float:
    """These steps; the mean loss over their labels."""
    model.train()
    total, count = 0.0, 0
    for step in steps:
        chosen = _chosen(train, told.seed, step, pace)
        labels = sum(example.learnt for example in chosen)
        loss = 0.0
        for batch, last in _batches(chosen, told.batch_size, processes):
            with nullcontext() if last else processes.apart(model):
                found, _ = _loss(model, batch, told)
                # Each label weighs the same, however they fall into batches; processes take the mean of theirs.
                (found / labels * processes.world).backward()
            loss += float(found.detach())
        loss = processes.summed(loss)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), told.max_grad_norm)
        optimizer.step()
        log.add(step + 1, (step + 1) / pace.epoch, loss / labels, schedule.get_last_lr()[0], norm)
        schedule.step()
        optimizer.zero_grad()
        total, count = total + loss, count + labels
    return total / count if count else math.nan


def _chosen(train: Sequence[Example], seed: int, step: int, pace: _Pace) -> list[Example]:
    """The examples of a step: all of them once an epoch, in another order each time."""
    epoch, at = divmod(step, pace.epoch)
    order = random.Random(f"{seed} {epoch}").sample(range(len(train)), len(train))
    return [train[place] for place in order[at * pace.size : (at + 1) * pace.size]]


def _batches(chosen: Sequence[Example], size: int, processes: Processes) -> Iterator[tuple[Sequence[Example], bool]]:
    """Those that fall to this process, so many at a time, and whether they are the last; as many times in each."""
    mine = chosen[processes.rank :: processes.world]
    count = math.ceil(math.ceil(len(chosen) / processes.world) / size)
    for number in range(count):
        batch = mine[number * size : (number + 1) * size]
        idle = Example(chosen[0].ids, (IGNORED,) * len(chosen[0].ids))  # computes alike, learns nothing
        yield batch or [idle], number == count - 1


def _loss(model: Any, examples: Sequence[Example], told: Finetuning) -> tuple[torch.Tensor, int]:
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
    half = torch.float16 if told.fp16 else torch.bfloat16
    with torch.autocast(device.type, half, enabled=told.fp16 or told.bf16):
        logits = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits[:, :-1]
    rows, places = (labels[:, 1:] != IGNORED).nonzero(as_tuple=True)
    found, wanted = logits[rows, places].float(), labels[rows, places + 1].to(device)
    choices = [examples[row].allowed.get(place + 1) for row, place in zip(rows.tolist(), places.tolist(), strict=True)]
    if any(choices):
        found = found + _closed(choices, found.shape[-1]).to(device)
    return torch.nn.functional.cross_entropy(found, wanted, reduction="sum"), len(wanted)


def _closed(choices: Sequence[Sequence[int] | None], size: int) -> torch.Tensor:
    """What is added to logits so that only what the grammar allows there is left, as when an answer is written."""
    mask = torch.zeros((len(choices), size))
    for row, choice in enumerate(choices):
        if choice:
            mask[row] = -torch.inf
            mask[row, list(choice)] = 0
    return mask


def _save(model: Any, weights: Any, checkpoint: Checkpoint, state: dict[str, Any]) -> None:
    """In one rename: a killed run leaves no half of one."""
    draft = checkpoint.folder.with_name(f".{checkpoint.folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    getattr(model, "module", model).save_pretrained(str(draft), state_dict=weights, save_embedding_layers=False)
    torch.save(state, draft / _STATE)
    about = {"epoch": checkpoint.epoch, "step": checkpoint.step}
    about |= {"loss": checkpoint.loss, "validation_loss": checkpoint.validation_loss}
    (draft / "checkpoint.json").write_text(json.dumps(about), "utf-8")
    draft.replace(checkpoint.folder)


def _is_enough(made: Sequence[Checkpoint], patience: int) -> bool:
    """Whether the validation loss has not fallen for `patience` checkpoints."""
    losses = [checkpoint.validation_loss for checkpoint in made]
    return 0 < patience < len(losses) and min(losses[-patience:]) >= min(losses[:-patience])
