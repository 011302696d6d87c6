"""Learning, as an editor's user sees and steers it: examples, runs, the model in use, and the run under way.

A run is a process of its own and its state is on disk, so that it is the same after a restart of the editor.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types as lsp

from whence_indexer.errors import QueryError
from whence_server.errors import TrainingJobError
from whence_server.lsp import failures, stock
from whence_server.lsp.folders import Folder
from whence_server.lsp.locations import to_path, to_uri
from whence_server.lsp.progress import Progress
from whence_server.lsp.requests import (
    ExampleParams,
    ExportParams,
    FixParams,
    PullParams,
    RollBackParams,
    RunParams,
    StartParams,
    TrainingParams,
    UseParams,
)
from whence_server.lsp.session import Session
from whence_server.training import job
from whence_server.training.examples import Statistics, collect, count
from whence_server.training.runs import TrainingRun, read_runs, training_folder

T = TypeVar("T")
_LOOKED_EVERY = 0.5  # seconds
_MADE_UP = {"id": 1, "kind": "code", "quote": ""}  # for what a line of feedback lacks that was written by hand
_CITED = ("id", "kind", "path", "start_line", "end_line", "commit", "thread", "url", "quote")


async def training(session: Session, params: TrainingParams) -> dict[str, Any]:
    """`whence/training`: all that the view of it shows."""
    folder = session.folder(root=params.root)
    repository, minimum = folder.root.repository, session.settings(folder).minTrainingExamples

    def work() -> dict[str, Any]:
        from whence_server.feedback import read_feedback
        from whence_server.models.choosing import scope_of
        from whence_server.models.installed import user_home
        from whence_server.protocol import roles_json

        examples, lacking = collect(read_feedback(repository.index_dir)), job.lacking()
        held = job.read_job(_place(folder))
        return {
            "available": lacking is None,
            "how": lacking or "",
            "command": job.how_to_install() if lacking else "",
            "statistics": asdict(count(examples, minimum)),
            "examples": [asdict(each) | {"evidence": _evidence(folder, each.evidence)} for each in reversed(examples)],
            "job": asdict(replace(held, message=failures.public(held.message))) if held else None,
            "runs": [_run_json(run) for run in read_runs(_place(folder))],
            "active": roles_json(user_home().state().roles_in(scope_of(repository))),
            "root": to_uri(repository.root),
        }

    told = await _work(session, work)
    if told["job"] and told["job"]["state"] == "running":
        _follow(session, folder)
    return told


async def delete_example(session: Session, params: ExampleParams) -> dict[str, Any]:
    """`whence.training.deleteExample`."""

    def work(index: Path) -> None:
        from whence_server.feedback import delete_feedback

        delete_feedback(index, params.id)

    return await _change(session, params, work)


async def fix_example(session: Session, params: FixParams) -> dict[str, Any]:
    """`whence.training.fixExample`."""

    def work(index: Path) -> None:
        from whence_server.feedback import fix_feedback

        fix_feedback(index, params.id, params.text)

    return await _change(session, params, work)


async def start(session: Session, params: StartParams) -> dict[str, Any]:
    """`whence.training.start`: a run of all stages, with progress from now on."""
    folder = session.folder(root=params.root)
    settings, repository = session.settings(folder), folder.root.repository
    options = ["--config", str(repository.root / settings.trainingConfig)] if settings.trainingConfig else []

    def work() -> None:
        told = _statistics(folder, settings.minTrainingExamples)
        if not (told.ready or params.anyway):
            raise QueryError(f"{told.told}; with anyway, training learns from the repository too")
        job.start(_place(folder), repository.root, options)

    await _work(session, work)
    _follow(session, folder)
    return {"started": True}


async def stop(session: Session, params: TrainingParams) -> dict[str, Any]:
    """`whence.training.stop`: what its finished stages made stays, and the next run goes on from there."""
    folder = session.folder(root=params.root)
    await _work(session, lambda: job.stop(_place(folder)))
    return {"stopped": True}


async def deploy(session: Session, params: RunParams) -> dict[str, Any]:
    """`whence.training.deploy`: the model that a run registered answers in this repository from now on."""
    folder = session.folder(root=params.root)
    run = await _work(session, lambda: _run(folder, params.run))
    if run.model is None or run.registry is None:
        held = f": {failures.public('; '.join(run.reasons))}" if run.reasons else ""
        raise TrainingJobError(f"the run {run.name} ({run.status}) has registered no model{held}")
    await stock.pull(session, PullParams(run.model, run.registry))
    return await stock.use(session, UseParams(run.model, root=to_uri(folder.root.repository.root)))


async def roll_back(session: Session, params: TrainingParams) -> dict[str, Any]:
    """`whence.training.rollBack`: the model before answers in this repository from now on."""
    folder = session.folder(root=params.root)
    return await stock.roll_back(session, RollBackParams(root=to_uri(folder.root.repository.root)))


async def export(session: Session, params: ExportParams) -> dict[str, Any]:
    """`whence.training.export`: the adapter of a run as a ZIP, for `whence models import` elsewhere."""
    folder, target = session.folder(root=params.root), to_path(params.file)
    if target is None:
        raise failures.invalid_params("file is the URI of a file")

    def work() -> None:
        run = _run(folder, params.run)
        if run.bundle is None:
            raise TrainingJobError(f"the run {run.name} ({run.status}) has no adapter to export")
        try:
            shutil.copyfile(run.bundle, target)
        except OSError as error:
            raise TrainingJobError(f"it cannot be written: {error.strerror}") from error

    await _work(session, work)
    return {"file": params.file}


async def resume(session: Session) -> None:
    """Show the progress of runs that were under way before the editor was."""
    await session.ready()
    for folder in session.folders:
        if await _work(session, lambda folder=folder: job.is_running(_place(folder))):  # type: ignore[misc]
            _follow(session, folder)


def _follow(session: Session, folder: Folder) -> None:
    """Show the progress of the run under way, once."""
    name = folder.path
    if name not in session.trainings or session.trainings[name].done():
        session.trainings[name] = session.spawn(_show(session, folder))


async def _show(session: Session, folder: Folder) -> None:
    shown = Progress(session.guard, f"Whence: training on {folder.path.name}", session.can_show_progress)
    stopped: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    said = "it goes on, and is shown again with the next start"
    try:
        while (told := await _work(session, lambda: _progress(folder))).state == "running":
            await shown.report(told.stage, told.done, told.total)
            if shown.token:
                session.pulls[shown.token] = stopped
            await asyncio.wait([stopped], timeout=_LOOKED_EVERY)
            if stopped.cancelled():
                await _work(session, lambda: job.stop(_place(folder)))
        said = told.ended
    finally:
        session.pulls.pop(shown.token or "", None)
        shown.end(said)
    kinds = {"completed": lsp.MessageType.Info, "stopped": lsp.MessageType.Log}  # who stops it knows
    session.say(f"training on {folder.path.name}: {said}", kinds.get(told.state, lsp.MessageType.Warning))


@dataclass(frozen=True, slots=True)
class _Told:
    """The job's state, the stage under way, how many stages are done, of all, and how it ended."""

    state: str
    stage: str
    done: int
    total: int | None
    ended: str


def _progress(folder: Folder) -> _Told:
    held = job.read_job(_place(folder)) or job.Job("stopped", None, None, "")
    runs = read_runs(_place(folder))
    message = failures.public(held.message)
    if held.state != "running":
        made = f"; it made {runs[0].model}" if held.state == "completed" and runs and runs[0].model else ""
        return _Told(held.state, "", 0, None, message if held.state in {"failed", "blocked"} else f"{held.state}{made}")
    run = next((run for run in runs if run.under_way), None)
    if run is None:
        return _Told(held.state, f"Preparing: {message}" if message else "Preparing", 0, None, "")
    done = sum(stage.state == "done" for stage in run.stages)
    at = next((f" ({stage.stage} {stage.title})" for stage in run.stages if stage.state == "running"), "")
    return _Told(held.state, f"{run.status.capitalize()}{at}: {message}", done, len(run.stages), "")


def _run_json(run: TrainingRun) -> dict[str, Any]:
    """A run without folders of this machine; of its bundle whether it is there."""
    told = asdict(run)
    del told["registry"], told["bundle"]
    stages = [stage | {"said": [{"name": key, "value": failures.public(text)} for key, text in stage["said"].items()]}
              for stage in told["stages"]]  # fmt: skip
    reasons = [failures.public(reason) for reason in run.reasons]
    return told | {"stages": stages, "reasons": reasons, "can_export": run.bundle is not None}


def _evidence(folder: Folder, cited: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The citations, with the URI of each file, so that an editor can open it."""
    root = folder.root.repository.root
    known = [{key: each.get(key, _MADE_UP.get(key)) for key in _CITED} for each in cited]
    return [each | {"uri": to_uri(root / each["path"]) if each["path"] else None} for each in known]


def _run(folder: Folder, name: str) -> TrainingRun:
    run = next((run for run in read_runs(_place(folder)) if run.name == name), None)
    if run is None:
        raise QueryError(f"there is no run {name[:100]!r}")
    return run


async def _change(session: Session, params: ExampleParams | FixParams, work: Callable[[Path], None]) -> dict[str, Any]:
    """Of one example, by its id: 'all' would be the name of every one."""
    if params.id == "all":
        raise failures.invalid_params("id is that of one example")
    index = session.folder(root=params.root).root.repository.index_dir
    await _work(session, lambda: work(index))
    return {"id": params.id}


def _statistics(folder: Folder, minimum: int) -> Statistics:
    from whence_server.feedback import read_feedback

    return count(collect(read_feedback(folder.root.repository.index_dir)), minimum)


def _place(folder: Folder) -> Path:
    return training_folder(folder.root.repository.index_dir)


async def _work(session: Session, work: Callable[[], T]) -> T:
    return await session.jobs.run(lambda stop: work())
