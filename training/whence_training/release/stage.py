"""Stages 5 to 7: a model that the gates let pass is registered, deployed behind a canary, and watched."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from whence_indexer.workspace import Workspace
from whence_server.feedback import read_feedback
from whence_server.models.choosing import scope_of
from whence_server.models.installed import EVERYWHERE, user_home
from whence_server.questionlog import read_questions
from whence_training.exchange.corrections import ratio
from whence_training.qa.gates import Gate, blocked_reasons
from whence_training.qa.record import SPLITS, Record, canonical, read_records
from whence_training.release.canary import Probe
from whence_training.release.candidate import candidate_of, measured
from whence_training.release.deploying import Deployment, alone, deploy, guarded, prove, settled, withdraw
from whence_training.release.exports import log_mlflow, upload
from whence_training.release.monitoring import Signal, Topic, by_model, signals, topics
from whence_training.release.monitorpage import page
from whence_training.release.promotion import judge
from whence_training.release.registering import Judged, export, register
from whence_training.release.watched import embedded
from whence_training.run import Run, Stage, runs_folder
from whence_training.runfolder import Made, digest_of, write_durably

Guard = Callable[
    [Callable[[], Deployment], Callable[[Deployment], list[Probe]], Callable[[Deployment], object]],
    tuple[Deployment, list[Probe]],
]


def deploy_stage(run: Run, above: Mapping[str, Made], draft: Path, guard: Guard = guarded) -> Mapping[str, Any]:
    """Stage 6. `guard` withdraws the deployment where the proof fails: a workflow engine may have its own."""
    told, home = run.config.serving, user_home()
    registered = json.loads((above["5"].folder / "registration.json").read_text("utf-8"))
    scope = EVERYWHERE if told.everywhere else scope_of(run.repository)
    questions = _questions(above["3"])
    with alone(home, scope):
        deployed, probes = guard(
            lambda: deploy(home, registry_of(run), registered["model"], told, scope),
            lambda deployment: prove(deployment, run.repository.root, questions, told),
            lambda deployment: withdraw(home, deployment.scope),
        )
        settled(home, scope)
    said = {"model": deployed.label, "role": deployed.role, "before": asdict(deployed.before)}
    told_of = said | {"scope": scope, "canary": [asdict(each) for each in probes]}
    _write(draft / "deployment.json", told_of)
    cited = sum(each.model == deployed.label and each.cited > 0 for each in probes)
    return said | {"canary": f"{len(probes)} asked, {cited} answered by it with receipts"}


def registry_of(run: Run) -> Path:
    """The registry that models are published in."""
    return run.config.registration.registry or runs_folder(run.repository, run.config) / "registry"


def _register(run: Run, above: Mapping[str, Made], draft: Path) -> Mapping[str, Any]:
    told, config = run.config.registration, run.config
    candidate = candidate_of(run, above)
    exported = export(candidate.trained, told, draft)
    found = measured(candidate, exported, _records(above["3"]))
    loss = found["export_divergence"]
    gates = judge(
        candidate.report, candidate.base, candidate.champion, candidate.curated, candidate.facts, loss, told.gates
    )
    refused = blocked_reasons(gates)
    (draft / "gates.json").write_text(canonical([asdict(gate) for gate in gates]) + "\n", "utf-8")
    if refused and not told.anyway:
        run.note("the model is not registered; who answered before goes on answering")
        return {"blocked": refused}
    of_data = [Gate(**each) for each in json.loads((above["4b"].folder / "gates.json").read_text("utf-8"))]
    judged = Judged(
        candidate.report, candidate.comparison, [*of_data, *gates], found, candidate.champion, candidate.risks
    )
    registered = register(candidate.trained, judged, exported, config, registry_of(run), draft)
    if told.mlflow:
        log_mlflow(told.mlflow, registered, candidate.trained.method, draft)
    if told.upload:
        run.note(f"uploading {registered['name']} to {upload(registry_of(run), registered)}")
    said = {key: registered[key] for key in ("name", "model", "is_update", "bundle")}
    return said | ({"registered_although": refused} if refused else {})


def _monitor(run: Run, above: Mapping[str, Made], draft: Path) -> Mapping[str, Any]:
    folder, workspace = run.repository.index_dir, Workspace(run.repository)
    given, asked = read_feedback(folder), read_questions(folder)
    vectors = embedded(workspace, asked)
    watched, found = signals(given, asked, vectors, run.config.monitoring), topics(asked, vectors)
    models = by_model(asked)
    report = {
        "questions": len(asked),
        "opinions": ratio(given),
        "signals": [asdict(each) for each in watched],
        "topics": [asdict(each) for each in found],
        "models": models,
    }
    _write(draft / "report.json", report)
    (draft / "report.html").write_text(_page(run, watched, found, models), "utf-8")
    bad = [each.name for each in watched if each.bad]
    return {"questions": len(asked), "opinions": ratio(given), "bad": bad}


def _page(run: Run, watched: Sequence[Signal], found: Sequence[Topic], models: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [[name, *(str(value) for value in about.values())] for name, about in models.items()]
    return page(f"{run.repository.root.name}: how answers do", watched, found, rows)


def _questions(generated: Made) -> list[str]:
    """What the canary asks: questions of code and documents that have an answer, those kept to measure first."""
    records = sorted(_records(generated), key=lambda record: (record.split != "test", record.hash))
    return [each.question for each in records if each.answerable and each.category in ("code", "docs")]


def _records(generated: Made) -> list[Record]:
    return [record for name in SPLITS for record in read_records(generated.folder / f"{name}.jsonl")]


def _write(file: Path, value: object) -> None:
    write_durably(file, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def _registered_by(run: Run) -> object:
    """What stage 5 hangs on: also the questions written by hand, with their answers."""
    imports = run.config.dataset_generator.imports
    asked = [digest_of(file) for file in (*imports.curated, *imports.facts)]
    return [run.config.domain, run.config.use_case, run.config.registration.model_dump(mode="json"), asked]


def _asked(run: Run) -> object:
    folder = run.repository.index_dir
    heard = [[asdict(each) for each in read_feedback(folder)], [asdict(each) for each in read_questions(folder)]]
    return [run.config.monitoring.model_dump(mode="json"), heard]


STAGES = (
    Stage(
        "5",
        "register",
        "pass the gates of a release; name, describe and publish the model",
        ("3", "4a", "4b", "4c", "4d"),
        _register,
        _registered_by,
    ),
    Stage(
        "6",
        "deploy",
        "let it answer, ask it through the server, take it back where it does not",
        ("3", "5"),
        deploy_stage,
        lambda run: run.config.serving.model_dump(mode="json", exclude={"api_token"}),
    ),
    Stage("7", "monitor", "tell from the local log how answers do and what is missing", (), _monitor, _asked),
)
