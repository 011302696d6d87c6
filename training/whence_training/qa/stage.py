"""Stages 1 to 3: what the index holds -> units and sections -> a dataset that passed its gates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

from whence_indexer.store import Store
from whence_server.feedback import read_feedback
from whence_server.generation.style import STYLE
from whence_training.errors import InputError
from whence_training.exchange.corrections import corrections
from whence_training.exchange.curated import read_curated
from whence_training.exchange.labelstudio import dump_tasks, read_review
from whence_training.exchange.squad import read_squad
from whence_training.qa.archive import read_collected, read_material, write_collected, write_material
from whence_training.qa.collecting import Collected, Cursor, collect, cursor_of, news
from whence_training.qa.dataset import Imported, build, lineage
from whence_training.qa.gates import blocked_reasons
from whence_training.qa.material import process
from whence_training.qa.record import SPLITS, Record, canonical, dump
from whence_training.qa.teaching import open_teaching
from whence_training.run import Run, Stage, runs_folder
from whence_training.runfolder import Made, digest_of, required, write_durably

_CURSOR = "cursor.json"


def advance(run: Run) -> None:
    """Remember how far the sources have been read, once a dataset has been made of them."""
    made = required(run.folder, STAGES[0].folder, "3")
    write_durably(runs_folder(run.repository, run.config) / _CURSOR, (made.folder / _CURSOR).read_text("utf-8"))


def _collect(run: Run, above: Mapping[str, Made], draft: Path) -> Mapping[str, Any]:
    store = Store(run.repository.index_dir)
    told = run.config.data_collector
    excluded = GitIgnoreSpec.from_lines(told.exclude)
    found = collect(store, run.repository.work_tree, lambda path: not excluded.match_file(path))
    found = _chosen(found, told.sources)
    if not found.files and not found.changes and not found.threads:
        raise InputError("the index holds nothing to collect")
    write_collected(draft, found)
    cursor = cursor_of(store, run.repository.work_tree)
    (draft / _CURSOR).write_text(canonical(cursor), "utf-8")
    fresh = news(_read_cursor(run), cursor, found.changes)
    new = {name: len(listed) for name, listed in asdict(fresh).items()}
    # What is new hangs on earlier runs, and is said beside what the stage made, not in it.
    run.note(f"new since the last run: {', '.join(f'{count:,} {name}' for name, count in new.items())}")
    held = {"files": len(found.files), "commits": len(found.changes), "threads": len(found.threads)}
    return {"commit": found.commit, **held}


def _process(run: Run, above: Mapping[str, Made], draft: Path) -> Mapping[str, Any]:
    material = process(read_collected(above["1"].folder), run.config.data_processor.near_duplicate)
    write_material(draft, material)
    counts = {"definitions": len(material.units), "sections": len(material.sections)}
    return counts | {"commits": len(material.changes), "threads": len(material.threads), "left_out": material.left_out}


def _generate(run: Run, above: Mapping[str, Made], draft: Path) -> Mapping[str, Any]:
    collected = read_collected(above["1"].folder)
    material = read_material(above["2"].folder, collected)
    imported = _imported(run)
    told, cache = run.config.dataset_generator.teacher, runs_folder(run.repository, run.config) / "written"
    with open_teaching(told, told.most, cache, run.note) as teaching:
        written = list(teaching.records(material)) if teaching else []
    with open_teaching(told.judge, 0, cache, run.note) as second:
        dataset = build(material, collected, imported, run.config, written, second.judge if second else None)
    if dataset.leaks:
        first = dataset.leaks[0]
        raise InputError(f"the splits share a {first.what} ({first.where}); this is a fault of whence-train")
    for name in SPLITS:
        (draft / f"{name}.jsonl").write_text(dump(r for r in dataset.records if r.split == name), "utf-8")
    (draft / "quarantine.jsonl").write_text(dump(dataset.quarantined), "utf-8")
    (draft / "review.json").write_text(dump_tasks(dataset.records), "utf-8")
    (draft / "gates.json").write_text(canonical([asdict(gate) for gate in dataset.gates]) + "\n", "utf-8")
    inputs = {"collect": above["1"].hash, "process": above["2"].hash, "style": STYLE.hash}
    about = lineage(dataset, collected, inputs)
    (draft / "dataset.json").write_text(json.dumps(about, indent=2) + "\n", "utf-8")
    return {key: about[key] for key in ("version", "records", "splits", "quarantined", "extractive")} | {
        "blocked": blocked_reasons(dataset.gates)
    }


def _imported(run: Run) -> Imported:
    told = run.config.dataset_generator.imports
    reviews = [read_review(file) for file in told.label_studio]
    given = corrections(read_feedback(run.repository.index_dir)) if told.feedback else []
    general = [record for file in told.squad for record in read_squad(file)]
    own: list[Record] = [*given, *(record for review in reviews for record in review.records)]
    return Imported(
        own=tuple(own),
        general=tuple(general),
        curated=tuple(example.question for example in read_curated([*told.curated, *told.facts])),
        refused=frozenset(identifier for review in reviews for identifier in review.refused),
    )


def _chosen(found: Collected, sources: Sequence[str]) -> Collected:
    kinds = {kind for source, kind in (("code", "code"), ("docs", "doc")) if source in sources}
    return Collected(
        commit=found.commit,
        files=tuple(file for file in found.files if file.kind in kinds),
        changes=found.changes if "history" in sources else (),
        threads=found.threads if "threads" in sources else (),
        boundary=found.boundary,
    )


def _import_digests(run: Run) -> object:
    told = run.config.dataset_generator.imports
    files = [*told.squad, *told.label_studio, *told.curated, *told.facts]
    try:
        digests = [digest_of(file) for file in files]
    except OSError as error:
        raise InputError(f"a file to import cannot be read: {error}") from error
    given = [asdict(each) for each in read_feedback(run.repository.index_dir)] if told.feedback else []
    return [digests, given]


def _read_cursor(run: Run) -> Cursor | None:
    try:
        held: Cursor = json.loads((runs_folder(run.repository, run.config) / _CURSOR).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return held


STAGES = (
    Stage(
        "1",
        "collect",
        "take files, commits and threads from the index",
        (),
        _collect,
        lambda run: [run.fingerprint, run.config.data_collector.model_dump(mode="json")],
    ),
    Stage(
        "2",
        "process",
        "find definitions, sections and changes; leave out copies and chores",
        ("1",),
        _process,
        lambda run: run.config.data_processor.model_dump(mode="json"),
    ),
    Stage(
        "3",
        "generate",
        "ask, answer, validate, split, and pass the data's gates",
        ("1", "2"),
        _generate,
        lambda run: [
            run.config.dataset_generator.model_dump(mode="json"),
            run.config.data_processor.model_dump(mode="json"),
            _import_digests(run),
            STYLE.hash,
        ],
    ),
)
