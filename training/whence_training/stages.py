"""The stages of the loop, by number: what each needs, makes and says. Any may run alone; none is repeated.

The composition root. Each stage reads the files of those before it and writes its own, in one step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from whence_indexer.repository import Repository
from whence_indexer.store import Store
from whence_indexer.workspace import Workspace
from whence_server.training.runs import ELSEWHERE, training_folder
from whence_training.config import Config
from whence_training.errors import BlockedError, ConfigError
from whence_training.finetuning.stage import STAGES as FINETUNING
from whence_training.outcome import recorded
from whence_training.qa.collecting import cursor_of
from whence_training.qa.stage import STAGES as DATA
from whence_training.qa.stage import advance
from whence_training.release.promotion import CURATED
from whence_training.release.stage import STAGES as RELEASE
from whence_training.run import Note, Run, Stage, Work, hash_of, runs_folder
from whence_training.runfolder import Made, finished, make, required, write_durably

STAGES = (*DATA, *FINETUNING, *RELEASE)


def open_run(repository: Repository, config: Config, name: str | None = None, note: Note = lambda message: None) -> Run:
    """The run of the repository as it is now: its index is brought up to date first.

    Its name comes from the state of the index and the configuration, so that the same command goes on where a killed
    one stopped, and another state is another run. Raises `ConfigError` for a name that is no plain one.
    """
    if name and (Path(name).name != name or name.startswith(".")):
        raise ConfigError(f"a run has one plain name, not {name!r}: it is a folder among the runs")
    Workspace(repository, note=note).update()
    store = Store(repository.index_dir)
    fingerprint = _fingerprint(store, repository, config)
    head = (store.state.heads or ["folder"])[0][:10]
    folder = runs_folder(repository, config) / "runs" / (name or f"{head}-{fingerprint[:8]}")
    folder.mkdir(parents=True, exist_ok=True)
    if config.paths.runs:
        _tell_of(folder.resolve(), training_folder(repository.index_dir))
    return Run(folder, repository, config, fingerprint, note)


def _tell_of(run: Path, training: Path) -> None:
    """Beside the index, where editors look, that there is a run elsewhere."""
    training.mkdir(parents=True, exist_ok=True)
    known = training / ELSEWHERE
    with FileLock(training / f".{ELSEWHERE}.lock"):
        held = json.loads(known.read_text("utf-8")) if known.exists() else []
        if str(run) not in held:
            write_durably(known, json.dumps([*held, str(run)]))


def attempts(config: Config, numbers: Sequence[str]) -> Iterator[Config]:
    """The configuration, and after it as many with another seed as there may be ways back to the data."""
    yield config
    told = config.dataset_generator
    for number in range(1, config.registration.retries + 1 if {"3", "5"} <= {*numbers} else 1):
        again = told.model_copy(update={"seed": told.seed + number})
        yield config.model_copy(update={"dataset_generator": again})


def back_to_data(reasons: Sequence[str]) -> bool:
    """Whether what a gate held back asks for other data."""
    return any(reason.startswith(CURATED) for reason in reasons)


def run_stages(
    run: Run, numbers: Sequence[str], works: Mapping[str, Work] | None = None
) -> Iterator[tuple[Stage, Made]]:
    """Each of these stages in turn, as it is finished; one that a gate holds back is the last.

    `works` stand in for what stages of these numbers do. Raises what a stage raises; those before it stay. Two
    processes do not run at once: the second waits.
    """
    with under_way(run, numbers) as (chosen, blocked):
        for stage in chosen:
            made = run_stage(run, stage.number, (works or {}).get(stage.number))
            blocked += made.summary.get("blocked", [])
            yield stage, made
            if blocked:
                return


@contextmanager
def under_way(run: Run, numbers: Sequence[str]) -> Iterator[tuple[list[Stage], list[str]]]:
    """The stages of these numbers, and a list for what holds the run back; meanwhile no other process runs it."""
    chosen = [by_number(number) for number in numbers]
    asked = [{"stage": stage.number, "name": stage.name, "title": stage.title} for stage in chosen]
    with FileLock(run.folder / ".lock"), recorded(run.folder, asked) as blocked:
        yield chosen, blocked


def run_stage(run: Run, number: str, work: Work | None = None) -> Made:
    """One stage, or what it made before from the same; `work` stands in for the stage's own.

    Raises `InputError` naming what it lacks, `BlockedError` where a gate holds back what it needs.
    """
    stage = by_number(number)
    above = {need: required(run.folder, by_number(need).folder, number) for need in stage.needs}
    for need, before in above.items():
        if reasons := before.summary.get("blocked"):
            raise BlockedError(f"stage {number} waits: stage {need} ({by_number(need).name}): {'; '.join(reasons)}")
    inputs = hash_of([stage.inputs(run), {need: made.hash for need, made in above.items()}, version("whence")])
    if made := finished(run.folder, stage.folder, inputs):
        run.note(f"stage {number} ({stage.name}) is done already")
    else:
        run.note(f"stage {number}: {stage.title}")
        made = make(run.folder, stage.folder, inputs, lambda draft: (work or stage.work)(run, above, draft))
    if number == "3":
        advance(run)
    return made


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


def _fingerprint(store: Store, repository: Repository, config: Config) -> str:
    """What the index holds and the configuration says, as far as stages 1 to 3 look at them."""
    told = config.model_dump(mode="json", include={"data_collector", "data_processor", "dataset_generator"})
    return hash_of([cursor_of(store, repository.work_tree), told, version("whence")])
