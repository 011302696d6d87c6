"""The stages as Prefect flows: the same functions, with retries, states and artifacts. Nothing else knows Prefect.

A run that a gate holds back ends in the state "Blocked", which is no failure.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.states import Completed, State

from whence_indexer.repository import open_repository
from whence_training.configfile import read_config
from whence_training.errors import ConfigError, InputError
from whence_training.run import Run
from whence_training.stages import STAGES, by_number, open_run, run_stages


def _worth_retrying(task: Any, run: Any, state: Any) -> bool:
    """What is wrong with the configuration or an input stays wrong."""
    try:
        state.result()
    except (ConfigError, InputError):
        return False
    except Exception:
        return True
    return True


@task(retries=2, retry_delay_seconds=1, retry_condition_fn=_worth_retrying, task_run_name="{number}")
def stage(run: Run, number: str) -> dict[str, Any]:
    """One stage; what it says of itself becomes an artifact."""
    run.note(by_number(number).title)
    ((each, made),) = run_stages(run, [number])
    rows = [{"what": name, "value": str(value)} for name, value in made.summary.items()]
    create_table_artifact(rows, key=f"stage-{each.number}-{each.name}", description=each.title)
    return dict(made.summary)


@flow(name="learn", validate_parameters=False)
def learn(
    repository: str, config: str | None = None, stages: list[str] | None = None, name: str | None = None
) -> State:
    """The stages of these numbers, all if none is named, over the repository as it is now."""
    logger = get_run_logger()
    told = read_config(Path(config) if config else None)
    run = open_run(open_repository(repository), told, name, logger.info)
    done: dict[str, dict[str, Any]] = {}
    for number in stages or [each.number for each in STAGES]:
        done[number] = stage(run, number)
        if blocked := done[number].get("blocked"):
            return Completed(name="Blocked", message="; ".join(blocked), data=done)
    return Completed(message=str(run.folder), data=done)


@flow(name="adapt", validate_parameters=False)
def adapt(repository: str) -> State:
    """Fit the retriever to the repository's own history; kept only where it finds more in newer history."""
    from whence_indexer.adapting import adapt as fit

    outcome = fit(open_repository(repository))
    rows = [{"what": name, "value": str(value)} for name, value in asdict(outcome).items()]
    create_table_artifact(rows, key="adapt", description="what fitting the retriever to the repository brought")
    return Completed(name="Adapted" if outcome.adapted else "Kept", message=outcome.reason)
