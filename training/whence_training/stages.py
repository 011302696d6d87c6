"""The stages of the loop, by number: what each needs, makes and says. Any may run alone; none is repeated.

The composition root of the data half. Each stage reads the files of those before it and writes its own, in one step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock
from pathspec import GitIgnoreSpec

from whence_indexer.repository import Repository
from whence_indexer.store import Store
from whence_indexer.workspace import Workspace
from whence_server.feedback import read_feedback
from whence_server.generation.style import STYLE
from whence_training.config import Config
from whence_training.errors import ConfigError, InputError
from whence_training.exchange.corrections import corrections
from whence_training.exchange.curated import read_curated
from whence_training.exchange.labelstudio import dump_tasks, read_review
from whence_training.exchange.squad import read_squad
from whence_training.outcome import recorded
from whence_training.qa.archive import read_collected, read_material, write_collected, write_material
from whence_training.qa.collecting import Collected, Cursor, collect, cursor_of, news
from whence_training.qa.dataset import Imported, build, lineage
from whence_training.qa.material import process
from whence_training.qa.record import SPLITS, Record, canonical, dump
from whence_training.qa.teaching import Teaching, open_teaching
from whence_training.runfolder import Made, digest_of, finished, make, required, write_durably

Note = Callable[[str], None]
_CURSOR = "cursor.json"


@dataclass(frozen=True)
class Run:
    """A run: its folder, what it is of, and what it was told. `fingerprint` names the state of the index."""

    folder: Path
    repository: Repository
    config: Config
    fingerprint: str
    note: Note = lambda message: None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its number and name, those whose files it reads, and the function that makes its own."""

    number: str
    name: str
    title: str
    needs: tuple[str, ...]
    work: Callable[[Run, Mapping[str, Made], Path], Mapping[str, Any]]
    inputs: Callable[[Run], object]

    @property
    def folder(self) -> str:
        """Where its files are in the run's folder."""
        return f"{self.number}-{self.name}"


def runs_folder(repository: Repository, config: Config) -> Path:
    """Where runs are kept: beside the index, never in the user's work tree, unless the configuration names a folder."""
    return config.paths.runs or repository.index_dir / "training"


def open_run(repository: Repository, config: Config, name: str | None = None, note: Note = lambda message: None) -> Run:
    """The run of the repository as it is now: its index is brought up to date first.

    Its name comes from the state of the index and the configuration, so that the same command goes on where a killed
    one stopped, and another state is another run.
    """
    Workspace(repository, note=note).update()
    store = Store(repository.index_dir)
    fingerprint = _fingerprint(store, repository, config)
    head = (store.state.heads or ["folder"])[0][:10]
    folder = runs_folder(repository, config) / "runs" / (name or f"{head}-{fingerprint[:8]}")
    folder.mkdir(parents=True, exist_ok=True)
    return Run(folder, repository, config, fingerprint, note)


def run_stages(run: Run, numbers: Sequence[str]) -> Iterator[tuple[Stage, Made]]:
    """Each of these stages in turn, as it is finished. Raises what a stage raises; those before it stay.

    Two processes do not run at once: the second waits.
    """
    chosen = [by_number(number) for number in numbers]
    asked = [{"stage": stage.number, "name": stage.name, "title": stage.title} for stage in chosen]
    with FileLock(run.folder / ".lock"), recorded(run.folder, asked) as blocked:
        for stage in chosen:
            made = run_stage(run, stage.number)
            blocked += made.summary.get("blocked", [])
            yield stage, made
        if "3" in numbers:
            _advance(run)


def run_stage(run: Run, number: str) -> Made:
    """One stage, or what it made before from the same. Raises `InputError` naming what it lacks."""
    stage = by_number(number)
    above = {need: required(run.folder, by_number(need).folder, number) for need in stage.needs}
    inputs = _hash([stage.inputs(run), {need: made.hash for need, made in above.items()}, version("whence")])
    if made := finished(run.folder, stage.folder, inputs):
        run.note(f"stage {number} ({stage.name}) is done already")
        return made
    run.note(f"stage {number}: {stage.title}")
    return make(run.folder, stage.folder, inputs, lambda draft: stage.work(run, above, draft))


def by_number(number: str) -> Stage:
    """The stage of that number. Raises `ConfigError` naming those there are."""
    for stage in STAGES:
        if stage.number == number:
            return stage
    raise ConfigError(f"there is no stage {number}; there are {', '.join(stage.number for stage in STAGES)}")


def numbers_between(start: str, end: str) -> list[str]:
    """The numbers from `start` to `end`, both included. Raises `ConfigError` where that is none."""
    listed = [stage.number for stage in STAGES]
    first, last = listed.index(by_number(start).number), listed.index(by_number(end).number)
    if first > last:
        raise ConfigError(f"stage {start} comes after stage {end}")
    return listed[first : last + 1]


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
    with _teaching(run) as teaching:
        written = list(teaching.records(material)) if teaching else []
        judge = teaching.judge if teaching and run.config.dataset_generator.teacher.judge else None
        dataset = build(material, collected, imported, run.config, written, judge)
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
    gates = [f"{gate.name}: {gate.value:g}, limit {gate.limit:g}. {gate.advice}" for gate in dataset.blocked]
    return {key: about[key] for key in ("version", "records", "splits", "quarantined", "extractive")} | {
        "blocked": gates
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
        curated=tuple(example.question for example in read_curated(told.curated)),
        refused=frozenset(identifier for review in reviews for identifier in review.refused),
    )


def _teaching(run: Run) -> Teaching:
    cache = runs_folder(run.repository, run.config) / "written"
    return open_teaching(run.config.dataset_generator.teacher, cache, run.note)


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
    files = [*told.squad, *told.label_studio, *told.curated]
    try:
        digests = [digest_of(file) for file in files]
    except OSError as error:
        raise InputError(f"a file to import cannot be read: {error}") from error
    given = [asdict(each) for each in read_feedback(run.repository.index_dir)] if told.feedback else []
    return [digests, given]


def _fingerprint(store: Store, repository: Repository, config: Config) -> str:
    """What the index holds and the configuration says, as far as stages 1 to 3 look at them."""
    told = config.model_dump(mode="json", include={"data_collector", "data_processor", "dataset_generator"})
    return _hash([cursor_of(store, repository.work_tree), told, version("whence")])


def _read_cursor(run: Run) -> Cursor | None:
    try:
        held: Cursor = json.loads((runs_folder(run.repository, run.config) / _CURSOR).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return held


def _advance(run: Run) -> None:
    """Remember how far the sources have been read, once a dataset has been made of them."""
    made = required(run.folder, by_number("1").folder, "3")
    write_durably(runs_folder(run.repository, run.config) / _CURSOR, (made.folder / _CURSOR).read_text("utf-8"))


def _hash(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


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
