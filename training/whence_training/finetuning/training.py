"""Stage 4b: the dataset's splits -> checkpoints of an adapter, and what is said of how they were made.

Works in a folder of the run that outlives a killed process, named after what is trained on and how.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from whence_server.models.capacity import memory_bytes
from whence_server.models.gguffile import read_model
from whence_training.config import Finetuning
from whence_training.errors import ConfigError, InputError
from whence_training.finetuning.base import Base, load_model
from whence_training.finetuning.checkpoints import Checkpoint, checkpoints, trained_share
from whence_training.finetuning.examples import Example
from whence_training.finetuning.job import CHECKPOINTS, write_job
from whence_training.finetuning.lessons import Ask, Fold, Lessons, folded, lessons, sources_of
from whence_training.finetuning.profiles import TOGETHER, launch, write_profile
from whence_training.finetuning.risks import too_large
from whence_training.finetuning.searching import search, sensitivity
from whence_training.finetuning.stage import WORK
from whence_training.finetuning.tongue import ServedTongue
from whence_training.finetuning.tuning import fine_tune
from whence_training.qa.record import Record
from whence_training.run import Run, hash_of


@dataclass(frozen=True, slots=True)
class Trained:
    """The folder of the checkpoints, all that is known of the training, and the line that is said of it."""

    folder: Path
    about: Mapping[str, Any]
    summary: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The settings, what is learnt from and what is chosen by, and the folds."""

    told: Finetuning
    taught: Lessons
    checked: Lessons
    held_out: Sequence[Fold]


def prepare(
    run: Run,
    base: Base,
    learnt: Sequence[Record],
    validation: Sequence[Record],
    test: Sequence[Record],
    ask: Ask,
    balanced: Callable[[Lessons], Lessons],
) -> Prepared:
    """What is learnt from and what is chosen by. Raises `ConfigError`, or `InputError` without examples."""
    most = min(run.config.finetuning.max_seq_length or base.context, base.context)
    told, file = run.config.finetuning.model_copy(update={"max_seq_length": most}), read_model(base.file)
    with closing(ServedTongue(base.file)) as tongue:
        share, note = told.retrieved, run.note

        def teach(records: Sequence[Record], *measured: Record) -> Lessons:
            return lessons(records, ask, tongue, most, base.mode, share, sources_of(measured), note)

        taught, checked = balanced(teach(learnt, *validation, *test)), teach(validation, *test)
        if not taught.examples:
            raise InputError("no record can be learnt from: none has evidence that fits and says its answer")
        cv, seed = told.cv, told.seed
        held_out = folded(taught, checked, cv, seed, lambda rest, held: teach(rest, *held, *test)) if cv else []
    longest = max(len(each.ids) for each in (*taught.examples, *checked.examples))
    for why in too_large(file.parameters, file.vocabulary, longest, told.batch_size, memory_bytes()):
        raise ConfigError(why)
    note(f"{len(taught.examples)} examples, {taught.retrieved} of them with what search finds")
    return Prepared(told, taught, checked, held_out)


def train(run: Run, base: Base, prepared: Prepared) -> Trained:
    """Search where told to, fold where told to, and train. Raises `ConfigError`."""
    told, taught, checked, note = prepared.told, prepared.taught, prepared.checked, run.note
    file, started = read_model(base.file), time.monotonic()
    work = run.folder / WORK / hash_of([
        base.digest, told.model_dump(mode="json"), [each.ids for each in (*taught.examples, *checked.examples)]
    ])[:16]  # fmt: skip
    trainer = _Trainer(base, run, checked.examples)
    told, trials = search(told, lambda trial, place: trainer.loss(trial, taught.examples, place), work / "search", note)
    losses = trainer.folded(told, prepared.held_out, work / "cv") if prepared.held_out else None
    made = trainer.train(told, taught.examples, work)
    name = run_name(base, told)
    about = {
        "name": name,
        "base": base.name,
        "base_sha256": base.digest,
        "settings": told.model_dump(mode="json"),
        "examples": len(taught.examples),
        "validation_examples": len(checked.examples),
        "retrieved": taught.retrieved,
        "cut": sum(each.cut > 0 for each in taught.examples),
        "left_out": dict(taught.left_out),
        "parameters": trained_share(made[-1].folder, file.parameters),
        "checkpoints": [asdict(each) | {"folder": each.folder.name} for each in made],
        "search": {"trials": [asdict(trial) for trial in trials], "sensitivity": sensitivity(trials)},
        "cv": losses,
        "seconds": round(time.monotonic() - started, 1),
    }
    summary = {
        "name": name,
        "examples": len(taught.examples),
        "retrieved": taught.retrieved,
        "not_learnt": sum(taught.left_out.values()),
        "checkpoints": len(made),
        "loss": round(made[-1].loss, 4),
        "validation_loss": round(made[-1].validation_loss, 4),
    }
    return Trained(work / CHECKPOINTS, about, summary)


def run_name(base: Base, told: Finetuning) -> str:
    """`{model}_{quant}_r{r}_lr{lr}`, `none` where the base is not quantized for training."""
    return f"{base.name}_{told.quantization or 'none'}_r{told.lora_r}_lr{told.learning_rate:g}"


@dataclass(frozen=True)
class _Trainer:
    """Trains one base again and again, each time from its beginning."""

    base: Base
    run: Run
    validation: Sequence[Example]

    def train(
        self, told: Finetuning, examples: Sequence[Example], folder: Path, check: Sequence[Example] | None = None
    ) -> list[Checkpoint]:
        """The checkpoints, in `checkpoints` of the folder."""
        validation = self.validation if check is None else check
        if told.profile in TOGETHER:
            write_job(folder, self.base.weights, told, examples, validation)
            profile = write_profile(told.profile, folder / f"{told.profile}.yaml", _processes(told), told.bf16)
            launch(profile, folder, self.run.note)
            return checkpoints(folder / CHECKPOINTS)
        model = load_model(self.base.weights, told)
        return fine_tune(model, examples, validation, told, folder / CHECKPOINTS, self.run.note)

    def loss(self, told: Finetuning, examples: Sequence[Example], folder: Path) -> float:
        """The least loss on the validation split that these settings reach."""
        return min(each.validation_loss for each in self.train(told, examples, folder))

    def folded(self, told: Finetuning, parts: Sequence[Fold], folder: Path) -> dict[str, Any]:
        """The loss on each part that is held out, when the rest is learnt from to the end."""
        losses, whole = [], told.model_copy(update={"patience": 0})
        for number, (rest, held) in enumerate(parts, 1):
            made = self.train(whole, rest, folder / f"fold-{number}", held)
            losses.append(made[-1].validation_loss)
            self.run.note(f"fold {number} of {len(parts)}: loss {losses[-1]:.4f}")
        return {"folds": len(parts), "losses": losses, "mean": fmean(losses), "deviation": pstdev(losses)}


def _processes(told: Finetuning) -> int:
    import torch

    return told.processes or max(2, torch.cuda.device_count())
