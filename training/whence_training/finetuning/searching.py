"""Ranges of settings -> those to train with: trials drawn by a seed within a budget, and what each setting changes.

Pure but for the clock: the caller trains. A trial that was made is not made again.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from whence_training.config import Finetuning, Search
from whence_training.runfolder import write_durably

_SEARCHED = ("lora_r", "lora_alpha", "learning_rate", "batch_size")


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings, the loss on the validation split that they led to, and in what time."""

    settings: Mapping[str, Any]
    loss: float
    seconds: float


def drawn(told: Search, seed: int) -> list[dict[str, Any]]:
    """Different settings, in the order in which they are tried: all there are, or `trials` of them."""
    names = [name for name in _SEARCHED if getattr(told, name)]
    grid = [dict(zip(names, values, strict=True)) for values in product(*(getattr(told, name) for name in names))]
    return random.Random(f"search {seed}").sample(grid, min(told.trials, len(grid)))


def search(
    told: Finetuning,
    train: Callable[[Finetuning, Path], float],
    folder: Path,
    note: Callable[[str], None] = lambda message: None,
) -> tuple[Finetuning, list[Trial]]:
    """(the settings with the least loss, all trials). `train` trains into a folder and returns the validation loss."""
    chosen, made = drawn(told.search, told.seed), list[Trial]()
    left = told.search.minutes * 60  # also after a process that was killed
    for number, settings in enumerate(chosen, 1):
        place = folder / f"trial-{number}"
        kept = place / "trial.json"
        if not kept.exists():
            if left <= 0:
                note(f"the budget of {told.search.minutes:g} minutes ended the search after {len(made)} trials")
                break
            trial = told.model_copy(update={**settings, "epochs": told.search.epochs, "strategy": "epoch"})
            place.mkdir(parents=True, exist_ok=True)
            begun = time.monotonic()
            loss = train(trial, place)
            write_durably(kept, json.dumps(asdict(Trial(settings, loss, time.monotonic() - begun))))
        made.append(Trial(**json.loads(kept.read_text("utf-8"))))
        left -= made[-1].seconds
        note(f"trial {number} of {len(chosen)}: {settings}, validation {made[-1].loss:.4f}")
    if not made:
        return told, []
    return told.model_copy(update=dict(min(made, key=lambda trial: trial.loss).settings)), made


def sensitivity(trials: Sequence[Trial]) -> dict[str, dict[str, Any]]:
    """For each setting the mean loss of the trials with each of its values, and how far these are apart."""
    table: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(name for trial in trials for name in trial.settings):
        values = sorted({trial.settings[name] for trial in trials})
        means = {str(v): fmean(trial.loss for trial in trials if trial.settings[name] == v) for v in values}
        table[name] = {"mean_loss": means, "effect": max(means.values()) - min(means.values())}
    return table
