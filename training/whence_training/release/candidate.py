"""What the stages before made of a candidate: its adapter and base, the reports, and what its export costs."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from whence_training.config import Config, Finetuning
from whence_training.evaluation.comparing import compare
from whence_training.evaluation.report import Comparison, Report, read_report
from whence_training.finetuning.base import load_model
from whence_training.finetuning.checkpoints import Checkpoint, checkpoints
from whence_training.finetuning.stage import (
    ADAPTER,
    BASELINE,
    CHAMPION,
    CHECKPOINTS,
    FINETUNED,
    RISKS,
    SELECTION,
    TRAINING,
    base_of,
    data_of,
)
from whence_training.qa.record import Record
from whence_training.release.curated import curated_report
from whence_training.release.registering import Exported, Trained
from whence_training.run import Run
from whence_training.runfolder import Made

_TEXTS, _TOKENS = 4, 300  # over which the export is compared with what was trained
# What a reader of the card wants to know of how it was trained.
_METHOD = (
    "method", "lora_r", "lora_alpha", "lora_dropout", "target_modules", "epochs", "batch_size",
    "gradient_accumulation_steps", "learning_rate", "lr_scheduler_type", "max_seq_length", "quantization", "seed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trained model, the weights that it was trained over, and what was found of it and of those it would replace."""

    trained: Trained
    weights: Path
    report: Report
    base: Report
    champion: Report | None
    curated: Report | None
    facts: Report | None
    comparison: Comparison
    risks: Sequence[str]


def candidate_of(run: Run, above: Mapping[str, Made]) -> Candidate:
    """What stages 3 to 4d of a run made. Raises `InputError` where a report is none."""
    baseline, final = above["4a"].folder, above["4d"].folder
    base = base_of(run)
    training = json.loads((above["4b"].folder / TRAINING).read_text("utf-8"))
    selection = json.loads((above["4c"].folder / SELECTION).read_text("utf-8"))
    made = checkpoints(above["4b"].folder / CHECKPOINTS)
    trained = Trained(
        adapter=above["4c"].folder / ADAPTER,
        base=base.file,
        mode=base.mode,
        data=data_of(run, above),
        method={
            **{name: training["settings"][name] for name in _METHOD},
            **_course(made, selection["selected"], training["settings"]["epochs"]),
            **_cost(training, run.config),
        },
    )
    champion = baseline / CHAMPION
    before, report = read_report(baseline / BASELINE), read_report(final / FINETUNED)
    imports = run.config.dataset_generator.imports
    by_hand = partial(curated_report, run, base, trained.adapter, training["name"], report.dataset)
    return Candidate(
        trained=trained,
        weights=base.weights,
        report=report,
        base=before,
        champion=read_report(champion) if champion.exists() else None,
        curated=by_hand(imports.curated),
        facts=by_hand(imports.facts),
        comparison=compare(before, report, run.config.finetuning.seed),
        risks=json.loads((final / RISKS).read_text("utf-8"))["risks"],
    )


def measured(candidate: Candidate, exported: Exported, records: Sequence[Record]) -> dict[str, float]:
    """How far what llama.cpp computes from the files of a release is from what was trained, over evidence of the
    dataset: the mean Kullback-Leibler divergence in nats, and the share of places with the same best token. Of several
    files the worst.
    """
    from peft import PeftModel

    from whence_training.fidelity import fidelity_of
    from whence_training.finetuning.tongue import ServedTongue

    base = candidate.trained.base
    with closing(ServedTongue(base)) as tongue:
        evidence = ("\n".join(each.text for each in record.context) for record in records[:: max(1, len(records) // 8)])
        texts = [tongue.encode(text)[:_TOKENS] for text in evidence if text][:_TEXTS]
    base_model = load_model(candidate.weights, Finetuning())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # as in `tuning`
        model = PeftModel.from_pretrained(base_model, str(candidate.trained.adapter))
    found = [fidelity_of(model, base, texts, exported.adapter)]
    if exported.merged:
        found.append(fidelity_of(model, exported.merged, texts))
    return {
        "export_agreement": min(each.agreement for each in found),
        "export_divergence": max(each.divergence for each in found),
    }


def _course(made: Sequence[Checkpoint], selected: str, epochs: int) -> dict[str, object]:
    """What was really done of the `epochs` that were asked for, and after how much of it this one was taken."""
    last, kept = made[-1], next(each for each in made if each.folder.name == selected)
    return {
        "epochs": f"{last.epoch:g} of {epochs}",
        "steps": last.step,
        "checkpoint": f"{selected}, step {kept.step}, epoch {kept.epoch:g}",
    }


def _cost(training: Mapping[str, Any], config: Config) -> dict[str, object]:
    """What it took. There is no meter that every machine has: energy is the time by the power that is told."""
    seconds, watts = training["seconds"], config.registration.watts
    energy = f"{seconds * watts / 3600:.3g} Wh, estimated: {watts:g} W for that time" if watts else "not measured"
    return {"examples": training["examples"], "seconds": seconds, "energy": energy}
