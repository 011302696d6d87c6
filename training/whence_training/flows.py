"""The stages as Prefect flows: the same functions, with retries, states and artifacts. Besides this only
`triggers.engine` knows Prefect.

A run that a gate holds back ends in the state "Blocked", which is no failure.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "180")  # a busy machine takes its time

from prefect import flow, get_run_logger, serve, task
from prefect.artifacts import (
    create_image_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event
from prefect.states import Completed, State
from prefect.transactions import Transaction, transaction

from whence_indexer.repository import open_repository
from whence_server.models.choosing import scope_of
from whence_training.configfile import read_config
from whence_training.errors import BlockedError, ConfigError, InputError
from whence_training.release.canary import Probe
from whence_training.release.deploying import Deployment
from whence_training.release.stage import deploy_stage
from whence_training.run import Run
from whence_training.runfolder import Made
from whence_training.stages import STAGES, attempts, back_to_data, by_number, open_run, run_stage, under_way
from whence_training.triggers.engine import scheduler
from whence_training.triggers.notifying import notifier
from whence_training.triggers.watching import due
from whence_training.triggers.watching import watch as watch_once

DUE = "whence.due"  # the event that a run is due, for automations of a server


def _worth_retrying(task: Any, run: Any, state: Any) -> bool:
    """What is wrong with the configuration or an input stays wrong, and what a gate holds back is no failure."""
    try:
        state.result()
    except (ConfigError, InputError, BlockedError):
        return False
    except Exception:
        return True
    return True


@task(retries=2, retry_delay_seconds=1, retry_condition_fn=_worth_retrying, task_run_name="{number}")
def stage(run: Run, number: str) -> dict[str, Any]:
    """One stage; what it says of itself becomes an artifact, and so do its pictures."""
    each = by_number(number)
    made = run_stage(run, number, partial(deploy_stage, guard=guarded) if number == "6" else None)
    rows = [{"what": name, "value": str(value)} for name, value in made.summary.items()]
    create_table_artifact(rows, key=f"stage-{each.number}-{each.name}", description=each.title)
    _show_pictures(made)
    return dict(made.summary)


@flow(name="learn", validate_parameters=False)
def learn(
    repository: str, config: str | None = None, stages: list[str] | None = None, name: str | None = None
) -> State:
    """The stages of these numbers, all if none is named, over the repository as it is now."""
    numbers, told = stages or [each.number for each in STAGES], read_config(Path(config) if config else None)
    done: dict[str, dict[str, Any]] = {}
    for attempt in attempts(told, numbers):
        run = open_run(open_repository(repository), attempt, name, get_run_logger().info)
        done, reasons = _through(run, numbers)
        if not reasons:
            return Completed(message=str(run.folder), data=done)
        if not back_to_data(reasons):
            break
    return Completed(name="Blocked", message="; ".join(reasons), data=done)


@flow(name="watch", validate_parameters=False)
def watch(repository: str, config: str | None = None, emit: bool = False) -> list[str]:
    """Look once whether a run is due, and then run `learn`, once; with `emit` an event says so, which names both
    parameters, and nothing else is done: whoever hears it runs this flow with them."""
    told, opened = read_config(Path(config) if config else None), open_repository(repository)

    if emit:
        why = due(opened, told)
        if why:
            about = {"prefect.resource.id": f"whence.repository.{scope_of(opened)}"}
            named = {"repository": repository, "config": config}
            whole = {name: str(Path(value).resolve()) if value else None for name, value in named.items()}
            emit_event(DUE, about, payload=whole | {"reasons": list(why)})
        return list(why)

    def begin() -> str:
        state = learn(repository, config, return_state=True)
        if state.name == "Blocked":
            raise BlockedError(state.message or "")
        state.result()
        return f"{opened.root.name} was learnt from: {state.message}"

    webhook = told.triggers.webhook
    notify = notifier(opened.index_dir, str(webhook) if webhook else None, get_run_logger().info)
    return list(watch_once(opened, told, begin, notify))


@flow(name="adapt", validate_parameters=False)
def adapt(repository: str) -> State:
    """Fit the retriever to the repository's own history; kept only where it finds more in newer history."""
    from whence_indexer.adapting import adapt as fit

    outcome = fit(open_repository(repository))
    rows = [{"what": name, "value": str(value)} for name, value in asdict(outcome).items()]
    create_table_artifact(rows, key="adapt", description="what fitting the retriever to the repository brought")
    return Completed(name="Adapted" if outcome.adapted else "Kept", message=outcome.reason)


def serve_flows(repository: Path, config: Path | None) -> None:
    """Look for what starts a run, again and again, and run by the clock where that is configured; until it is ended.

    Raises `EngineError` where Prefect's own server does not start.
    """
    told, name = read_config(config).triggers, repository.resolve().name
    parameters = {"repository": str(repository.resolve()), "config": str(config.resolve()) if config else None}
    deployments = [watch.to_deployment(f"{name}-watch", interval=told.every, parameters=parameters)]
    if told.cron:
        deployments.append(learn.to_deployment(f"{name}-learn", cron=told.cron, parameters=parameters))
    with scheduler():
        # One at a time, by a limit of this process: that of a deployment would outlive one that is killed.
        serve(*deployments, print_starting_message=False, limit=1)


def guarded(
    deploying: Callable[[], Deployment],
    proving: Callable[[Deployment], list[Probe]],
    withdrawing: Callable[[Deployment], object],
) -> tuple[Deployment, list[Probe]]:
    """As `deploying.guarded`, by a transaction: what undoes it is the rollback of the task that deployed."""
    with transaction() as whole:
        deployed = _deploy(deploying)
        whole.set("undo", partial(withdrawing, deployed))
        return deployed, _prove(proving, deployed)


@task(name="put in place", cache_policy=NO_CACHE, persist_result=False)
def _deploy(deploying: Callable[[], Deployment]) -> Deployment:
    return deploying()


@_deploy.on_rollback
def _take_back(of: Transaction) -> None:
    of.get("undo")()


@task(name="ask it", cache_policy=NO_CACHE, persist_result=False)
def _prove(proving: Callable[[Deployment], list[Probe]], deployed: Deployment) -> list[Probe]:
    return proving(deployed)


def _through(run: Run, numbers: list[str]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What each stage said, and why a gate held the run back."""
    done: dict[str, dict[str, Any]] = {}
    progress = create_progress_artifact(0.0, key="learning", description=str(run.folder))
    try:
        with under_way(run, numbers) as (_, blocked):
            for place, number in enumerate(numbers, 1):
                done[number] = stage(run, number)
                blocked += done[number].get("blocked", [])
                if blocked:
                    break
                update_progress_artifact(progress, 100.0 * place / len(numbers))
    except BlockedError as error:
        return done, [str(error)]
    return done, blocked


def _show_pictures(made: Made) -> None:
    for picture in sorted(made.folder.glob("*.svg")):
        data = base64.b64encode(picture.read_bytes()).decode()
        key = f"picture-{picture.stem}".lower().replace("_", "-")
        create_image_artifact(f"data:image/svg+xml;base64,{data}", key=key)
