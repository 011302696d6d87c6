"""Training the reader: examples -> a small decoder that finds the sentence that answers.

Runs on a GPU where torch sees one, else on the processor; a curve, checkpoints, and on from there when run again.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from whence_training.reader.tokens import TEMPLATE, Codec, Example
from whence_training.reader.warmstart import HEAD, WIDTH, warm_start

if TYPE_CHECKING:
    import torch

_CURVE = ("step", "tokens", "seconds", "loss", "choice", "rank", "answer", "right", "rate")
_CHECKPOINT = "checkpoint.pt"


@dataclass(frozen=True)
class Recipe:
    """Every number of the recipe. Training ends after `tokens`, or after `minutes` where that is sooner."""

    vocabulary: int = 8_192
    layers: int = 5
    inner: int = 256
    context: int = 2_048
    rotation: float = 1e8
    batch: int = 2_048  # tokens
    longest: int = 512
    tokens: int = 50_000_000
    minutes: float = 100.0
    learning_rate: float = 5e-4
    warm_up: float = 0.03  # share of the training
    short: float = 0.85  # share of the projects' records that are cut down to few passages
    recall: float = 0.2  # share of records that are made up
    answer: float = 0.3  # weights of the losses beside that of the choice
    rank: float = 0.1
    seed: int = 0


def new_model(recipe: Recipe, codec: Codec) -> Any:
    """A `Qwen2ForCausalLM` before training."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(recipe.seed)
    config = Qwen2Config(
        vocab_size=codec.tokenizer.get_vocab_size(),
        hidden_size=WIDTH,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=WIDTH // HEAD,
        num_key_value_heads=WIDTH // HEAD // 2,
        max_position_embeddings=recipe.context,
        rope_parameters={"rope_type": "default", "rope_theta": recipe.rotation},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=codec.end,
        pad_token_id=0,
    )
    model = Qwen2ForCausalLM(config)
    warm_start(model, codec.tokenizer, recipe.seed)
    return model


def train(examples: Iterator[Example], codec: Codec, recipe: Recipe, out: Path) -> Any:
    """The trained model. A curve, a checkpoint every few minutes, and the model in the end are in `out`.

    A checkpoint that is there is gone on from.
    """
    import torch

    from whence_training.reader.loss import Learner

    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    torch.set_flush_denormal(True)  # sharp attention is full of them, and twice as slow
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = new_model(recipe, codec).to(device)
    learner = Learner(model, codec.prefix).to(device)
    optimizer = torch.optim.AdamW(_groups(learner, recipe), betas=(0.9, 0.98), fused=True)
    state = _restore(out / _CHECKPOINT, learner, optimizer)
    started, saved = time.monotonic() - state["seconds"], time.monotonic()
    for batch in _batches(examples, recipe):
        elapsed = time.monotonic() - started
        progress = max(state["tokens"] / recipe.tokens, elapsed / 60 / recipe.minutes)
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = group["most"] * _schedule(progress, recipe.warm_up)
        with torch.autocast(device.type, torch.bfloat16, enabled=_halves(device)):
            losses = learner(batch)
        loss = losses["choice"] + sum(getattr(recipe, name) * losses[name] for name in ("answer", "rank"))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
        optimizer.step()
        state["step"] += 1
        state["tokens"] += sum(example.length for example in batch)
        state["seconds"] = time.monotonic() - started
        told = {name: round(float(value.detach()), 4) for name, value in losses.items()}
        _log(
            out / "curve.csv",
            {**state, **told, "loss": round(float(loss.detach()), 4), "rate": optimizer.param_groups[0]["lr"]},
        )
        if time.monotonic() - saved > 120:
            _save(out / _CHECKPOINT, learner, optimizer, state)
            saved = time.monotonic()
    _save(out / _CHECKPOINT, learner, optimizer, state)
    model.save_pretrained(out / "model")
    codec.tokenizer.save(str(out / "model" / "tokenizer.json"))
    (out / "model" / "chat_template.jinja").write_text(TEMPLATE)
    return model


def steps_done(out: Path) -> int:
    """How many steps a run has in its checkpoint."""
    import torch

    path = out / _CHECKPOINT
    return int(torch.load(path, weights_only=True)["state"]["step"]) if path.exists() else 0


def _groups(learner: Any, recipe: Recipe) -> list[dict[str, Any]]:
    embedding = learner.model.model.embed_tokens.weight
    named = [(name, parameter) for name, parameter in learner.named_parameters() if parameter is not embedding]
    matrices = [parameter for _, parameter in named if parameter.ndim == 2]
    rest = [parameter for _, parameter in named if parameter.ndim != 2]
    most = recipe.learning_rate
    return [
        {"params": matrices, "weight_decay": 0.05, "most": most},
        {"params": rest, "weight_decay": 0.0, "most": most},
        {"params": [embedding], "weight_decay": 0.0, "most": most / 2},
    ]


def _batches(examples: Iterator[Example], recipe: Recipe) -> Iterator[list[Example]]:
    """Batches of like length, in the order in which they fill."""
    waiting: dict[int, list[Example]] = {}
    for example in examples:
        if example.length > recipe.longest:
            continue
        size = -(-example.length // 64)
        bucket = waiting.setdefault(size, [])
        bucket.append(example)
        if len(bucket) * size * 64 >= recipe.batch:
            yield waiting.pop(size)


def _schedule(progress: float, warm_up: float) -> float:
    """Linear up to 1, then a half cosine down to a fiftieth."""
    if progress < warm_up:
        return progress / warm_up + 1e-3
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))


def _halves(device: torch.device) -> bool:
    """Whether numbers of 16 bits are quicker here. A processor that only imitates them takes thrice as long."""
    import torch

    return device.type == "cuda" or bool(torch.cpu._is_avx512_bf16_supported())


def _restore(path: Path, learner: Any, optimizer: Any) -> dict[str, Any]:
    import torch

    if not path.exists():
        return {"step": 0, "tokens": 0, "seconds": 0.0}
    kept = torch.load(path, weights_only=True)
    learner.load_state_dict(kept["learner"])
    optimizer.load_state_dict(kept["optimizer"])
    return dict(kept["state"])


def _save(path: Path, learner: Any, optimizer: Any, state: dict[str, Any]) -> None:
    import torch

    draft = path.with_suffix(".part")
    torch.save({"learner": learner.state_dict(), "optimizer": optimizer.state_dict(), "state": state}, draft)
    draft.replace(path)


def _log(path: Path, row: dict[str, Any]) -> None:
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, _CURVE)
        if new:
            writer.writeheader()
        writer.writerow({name: row.get(name) for name in _CURVE})
