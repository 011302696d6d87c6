"""Stages 4a to 4d: the untuned base answers, an adapter is trained, one checkpoint is chosen, and that one is measured.

4c chooses on the validation split; on the test split, which nothing trained has met, 4a asks the base and the model in
use, and 4d the chosen checkpoint alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from whence_server.models.installed import user_home
from whence_training.config import Gates as GatesConfig
from whence_training.errors import ConfigError, InputError
from whence_training.evaluation.comparing import compare
from whence_training.evaluation.names import inventory_of
from whence_training.evaluation.report import read_report, write_report
from whence_training.evaluation.samples import write_samples
from whence_training.evaluation.suites import suite_of, suites
from whence_training.exchange.curated import with_answers
from whence_training.finetuning.base import Base, find_base
from whence_training.finetuning.bench import chosen, opened, read_asked, write_asked
from whence_training.finetuning.checkpoints import checkpoints
from whence_training.finetuning.examples import unsayable
from whence_training.finetuning.lessons import Lessons
from whence_training.finetuning.retention import retained
from whence_training.finetuning.risks import forgetting, overfitting, regression, weaknesses
from whence_training.finetuning.selecting import best, standing
from whence_training.qa.archive import read_collected
from whence_training.qa.dataset import limits_of, rebalanced
from whence_training.qa.gates import Gate, blocked_reasons, check
from whence_training.qa.record import Record, Split, canonical, read_records
from whence_training.qa.splitting import find_leaks
from whence_training.qa.validation import extractive_quota
from whence_training.run import Run, Stage, hash_of, runs_folder
from whence_training.runfolder import Made, digest_of, write_durably

CHECKPOINTS, ADAPTER = "checkpoints", "adapter"
WORK = ".4b-work"  # what training is resumed from
BASELINE, CHAMPION, FINETUNED = "eval_baseline.json", "eval_champion.json", "eval_finetuned.json"
RISKS = "risks.json"
ASKED, COMPARISON, SELECTION, TRAINING = "asked.json", "comparison.json", "checkpoint_selection.json", "training.json"


def base_of(run: Run) -> Base:
    """The model that the run tunes. Raises `ConfigError` where none is named or in use, or it cannot be tuned so."""
    cache, told = runs_folder(run.repository, run.config) / "bases", run.config.finetuning
    base = find_base(told.base_model, run.repository, user_home(), cache)
    if told.quantization and not base.weights.is_dir():
        raise ConfigError(
            f"finetuning.quantization {told.quantization} needs a Hugging Face folder as finetuning.base_model"
        )
    return base


def learnt_of(run: Run, above: Mapping[str, Made]) -> list[Record]:
    """The records that a model of this run learns from."""
    given = run.config.finetuning.train_data
    return [replace(each, split="train") for each in read_records(given)] if given else _split(above, "train")


def measured_by(run: Run, above: Mapping[str, Made]) -> str:
    """The version of what measures: that of the dataset, and of a file named in its place."""
    return _with_file(above["3"].summary["version"], run.config.evaluation.eval_data)


def data_of(run: Run, above: Mapping[str, Made]) -> dict[str, Any]:
    """What is said of the data that is learnt from: `dataset.json`, with the hash of a file named in its place."""
    about: dict[str, Any] = json.loads((above["3"].folder / "dataset.json").read_text("utf-8"))
    if given := run.config.finetuning.train_data:
        about |= {"version": _with_file(about["version"], given), "records": len(learnt_of(run, above))}
    return about


def _with_file(version: str, given: Path | None) -> str:
    return hash_of([version, digest_of(given)]) if given else version


def _balanced(taught: Lessons, told: GatesConfig) -> Lessons:
    """Without what dominates too much, where that is to be taken out."""
    if not told.rebalance:
        return taught
    held = {record.hash for record in rebalanced(taught.records, limits_of(told))}
    kept = [(e, r) for e, r in zip(taught.examples, taught.records, strict=True) if r.hash in held]
    left_out = {**taught.left_out, "more than may dominate": len(taught.records) - len(kept)}
    return replace(taught, examples=tuple(e for e, _ in kept), records=tuple(r for _, r in kept), left_out=left_out)


def _gates(taught: Lessons, told: GatesConfig) -> list[Gate]:
    """The gates of stage 3 over what is really learnt from: some records cannot be, and a file may stand for them."""
    own = [record for record in taught.records if record.category != "general"]
    return check(taught.records, limits_of(told), extractive_quota(own))


def _baseline(run: Run, above: Mapping[str, Made], draft: Path) -> Mapping[str, Any]:
    imports = run.config.dataset_generator.imports
    for files in (imports.curated, imports.facts):
        with_answers(files)  # refused now rather than after all the training
    if run.config.finetuning.adapt_retriever:
        _adapt_retriever(run)
    base, inventory = base_of(run), inventory_of(read_collected(above["1"].folder))
    test = _records(run, above, "test")
    with opened(run, base, measured_by(run, above), inventory) as bench:
        asked = bench.ask([*test, *suites(test, inventory, run.config.evaluation.suite)])
        write_asked(draft / ASKED, asked)
        with bench.untuned() as generator:
            report, reads = bench.report(generator, asked), retained(generator, run.note)
        if report.combined is None:
            raise ConfigError(f"evaluation.combined_weights: nothing measures {' or '.join(report.missing)} here")
        write_report(draft / BASELINE, report)
        current = bench.current(asked)
    if current:
        write_report(draft / CHAMPION, current)
    about = {"base": base.name, "file": str(base.file), "sha256": base.digest, "mode": base.mode, "retained": reads}
    write_durably(draft / "base.json", json.dumps(about, indent=1) + "\n")
    return {
        "base": base.name,
        "samples": report.samples,
        "accuracy": round(report.metrics["accuracy"], 4),
        "combined": report.combined,
        "champion": current.model if current else None,
        "champion_combined": current.combined if current else None,
    }


def _train(run: Run, above: Mapping[str, Made], draft: Path) -> Mapping[str, Any]:
    from whence_training.finetuning.training import prepare, train

    base, learnt = base_of(run), learnt_of(run, above)
    validation, test = _records(run, above, "validation"), _test(run, above)
    _refuse_leaks(learnt, _split(above, "validation"), test)
    with opened(run, base, measured_by(run, above), inventory_of(read_collected(above["1"].folder))) as bench:
        balanced = partial(_balanced, told=run.config.dataset_generator.gates)
        prepared = prepare(run, base, learnt, validation, test, bench.ask, balanced)
    gates = _gates(prepared.taught, run.config.dataset_generator.gates)
    (draft / "gates.json").write_text(canonical([asdict(gate) for gate in gates]) + "\n", "utf-8")
    if reasons := blocked_reasons(gates):
        return {"examples": len(prepared.taught.examples), "blocked": reasons}
    trained = train(run, base, prepared)
    shutil.copytree(trained.folder, draft / CHECKPOINTS, ignore=shutil.ignore_patterns("state.pt", ".*", "README.md"))
    write_durably(draft / TRAINING, json.dumps(trained.about, indent=1) + "\n")
    return trained.summary


def _select(run: Run, above: Mapping[str, Made], draft: Path) -> Mapping[str, Any]:
    base, told = base_of(run), run.config
    validation = _records(run, above, "validation")
    weights = told.evaluation.combined_weights.model_dump()
    stand = partial(
        standing, records=validation, weights=weights, count=told.finetuning.folds, seed=told.finetuning.seed
    )
    made = [each.folder for each in checkpoints(above["4b"].folder / CHECKPOINTS)]
    inventory = inventory_of(read_collected(above["1"].folder))
    with opened(run, base, measured_by(run, above), inventory) as bench:
        asked = bench.ask(validation)
        with bench.untuned() as generator:
            before = stand(base.name, bench.report(generator, asked, without=("perplexity",)))
        standings = []
        for folder in made:
            with bench.tuned(folder, folder.name, draft / "adapters") as generator:
                report = bench.report(generator, asked, without=("perplexity",))
            standings.append(stand(folder.name, report))
            run.note(f"{folder.name}: {standings[-1].mean:.4f} ± {standings[-1].deviation:.4f}")
    shutil.rmtree(draft / "adapters")
    kept = best(standings)
    shutil.copytree(above["4b"].folder / CHECKPOINTS / kept.name, draft / ADAPTER)
    rows = [asdict(each) | {"mean": each.mean, "deviation": each.deviation, "rank": each.rank} for each in standings]
    untuned = asdict(before) | {"mean": before.mean, "deviation": before.deviation, "rank": before.rank}
    rule = "the highest mean of the combined score over parts of the validation split, less its deviation"
    held = {"selected": kept.name, "rule": rule, "samples": len(validation), "checkpoints": rows, "base": untuned}
    write_durably(draft / SELECTION, json.dumps(held, indent=1) + "\n")
    if told.finetuning.cleanup_checkpoints:
        shutil.rmtree(run.folder / WORK, ignore_errors=True)
    return {"selected": kept.name, "of": len(made), "rank": round(kept.rank, 4), "base_rank": round(before.rank, 4)}


def _evaluate(run: Run, above: Mapping[str, Made], draft: Path) -> Mapping[str, Any]:
    base, told = base_of(run), run.config
    before = read_report(above["4a"].folder / BASELINE)
    champion = above["4a"].folder / CHAMPION
    others = [before, *([read_report(champion)] if champion.exists() else [])]
    asked, inventory = read_asked(above["4a"].folder / ASKED), inventory_of(read_collected(above["1"].folder))
    name = above["4b"].summary["name"]
    with (
        opened(run, base, measured_by(run, above), inventory) as bench,
        bench.tuned(above["4c"].folder / ADAPTER, name, draft / "adapters") as generator,
    ):
        report, reads = bench.report(generator, asked), retained(generator, run.note)
    shutil.rmtree(draft / "adapters")
    lost = unsayable([each.record for each in asked if not suite_of(each.record)], base.mode)
    report = replace(report, facts={**report.facts, "unsayable": lost})
    if lost:
        run.note(f"of {lost} of {report.samples} questions it cannot say the answer, whatever it has learnt")
    write_report(draft / FINETUNED, report)
    comparison = compare(before, report, told.finetuning.seed)
    write_report(draft / COMPARISON, comparison)
    write_samples(draft, [before, report], comparison)
    known = json.loads((above["4a"].folder / "base.json").read_text("utf-8"))["retained"]
    made = checkpoints(above["4b"].folder / CHECKPOINTS)
    risks = [*overfitting(made), *forgetting(known, reads), *regression(report, others), *weaknesses(report)]
    write_durably(draft / RISKS, json.dumps({"risks": risks, "retained": [known, reads]}, indent=1) + "\n")
    for risk in risks:
        run.note(risk)
    return {
        "samples": report.samples,
        "accuracy": [round(each.metrics["accuracy"], 4) for each in (before, report)],
        "combined": [each.combined for each in (before, report)],
        "p": comparison.correct.p,
        "risks": risks,
    }


def _adapt_retriever(run: Run) -> None:
    """Before anybody is asked, so that all are with the same; kept only where it finds more beyond noise."""
    from whence_indexer.adapting import adapt

    outcome = adapt(run.repository)
    run.note(f"the retriever {'is adapted' if outcome.adapted else 'stays as it is'}: {outcome.reason}")


def _refuse_leaks(learnt: Sequence[Record], validation: Sequence[Record], test: Sequence[Record]) -> None:
    """Raise `InputError` where files that were named share with each other what the splits of stage 3 do not."""
    named: tuple[tuple[Split, Sequence[Record]], ...] = (("train", learnt), ("validation", validation), ("test", test))
    if leaks := find_leaks([replace(record, split=name) for name, records in named for record in records]):
        first = leaks[0]
        raise InputError(f"{first.splits[0]} and {first.splits[1]} data share a {first.what} ({first.where})")


def _test(run: Run, above: Mapping[str, Made]) -> list[Record]:
    given = run.config.evaluation.eval_data
    return read_records(given) if given else _split(above, "test")


def _split(above: Mapping[str, Made], name: Split) -> list[Record]:
    return read_records(above["3"].folder / f"{name}.jsonl")


def _records(run: Run, above: Mapping[str, Made], name: Split) -> list[Record]:
    """The questions of a split that are asked. Raises `InputError` where there are none."""
    records = chosen(_test(run, above) if name == "test" else _split(above, name), run.config.evaluation)
    if not records:
        raise InputError(f"the {name} split has no question; there is too little that can be asked of the repository")
    return records


def _told(run: Run, *names: str) -> object:
    """What a stage hangs on: the base, sections of the configuration, and files that it names."""
    files = [file for file in (run.config.finetuning.train_data, run.config.evaluation.eval_data) if file]
    try:
        digests = [digest_of(file) for file in files]
    except OSError as error:
        raise InputError(f"a file of records cannot be read: {error}") from error
    return [base_of(run).digest, digests, *(getattr(run.config, name).model_dump(mode="json") for name in names)]


def _told_all(run: Run) -> object:
    return _told(run, "finetuning", "evaluation")


def _asked(run: Run) -> object:
    """What 4a hangs on: also who answers today."""
    champion = base_of(run).champion
    label = champion.manifest.label if champion else None
    return [_told(run, "evaluation"), _before(run, label), run.config.finetuning.adapt_retriever]


def _before(run: Run, label: str | None) -> str | None:
    """Who answered before the run's own model was deployed, which is no reason to ask anew."""
    try:
        deployed = json.loads((run.folder / "6-deploy" / "deployment.json").read_text("utf-8"))
    except (OSError, ValueError):
        return label
    before: str | None = deployed["before"]["champion"]
    return before if label == deployed["model"] else label


STAGES = (
    Stage("4a", "baseline", "ask the untuned base and what answers today", ("1", "3"), _baseline, _asked),
    Stage(
        "4b",
        "train",
        "train an adapter",
        ("1", "3", "4a"),
        _train,
        lambda run: [
            _told(run, "finetuning", "evaluation"),
            run.config.dataset_generator.gates.model_dump(mode="json"),
        ],
    ),
    Stage(
        "4c",
        "select",
        "ask all checkpoints about the validation split, and choose one",
        ("1", "3", "4b"),
        _select,
        lambda run: [_told(run, "evaluation"), run.config.finetuning.folds, run.config.finetuning.seed],
    ),
    Stage(
        "4d",
        "evaluate",
        "ask the chosen one about the test split",
        ("1", "3", "4a", "4b", "4c"),
        _evaluate,
        lambda run: _told(run, "evaluation"),
    ),
)
