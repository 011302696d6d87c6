"""`whence-train`: the stages of the learning loop from the command line.

Parses options and prints; what is done is in `stages`. JSON goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from whence_indexer.errors import QueryError, WhenceError
from whence_indexer.repository import open_repository
from whence_training.config import remarks
from whence_training.configfile import read_config
from whence_training.errors import BlockedError, ConfigError
from whence_training.stages import STAGES, attempts, back_to_data, numbers_between, open_run, run_stages

_BAD_USAGE, _FAILED = 2, 1


def main() -> None:
    """Run it. Exits 0 done, 1 the work failed or a gate holds the data back, 2 bad usage."""
    # Nothing here is anybody's business; the engine of workflows asks these when it is imported.
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    try:
        command(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(_BAD_USAGE)
    except click.Abort:
        sys.exit(130)
    except (ConfigError, QueryError) as error:
        click.echo(f"whence-train: {error}", err=True)
        sys.exit(_BAD_USAGE)
    except BlockedError as error:
        click.echo(f"blocked: {error}", err=True)
        sys.exit(_FAILED)
    except (WhenceError, OSError) as error:
        click.echo(f"whence-train: {error}", err=True)
        sys.exit(_FAILED)


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
@click.option("--repo", type=click.Path(path_type=Path), default=Path("."), help="The repository; here if not given.")
@click.option("--config", "file", type=click.Path(path_type=Path), help="YAML or TOML; see docs/training.md.")
@click.option("--run", "name", help="Name of the run; if not given it follows from the repository's state.")
@click.option("--stage", help="Run one stage.")
@click.option("--start", help="Run from this stage.")
@click.option("--end", help="Run to this stage.")
@click.option("--rebalance", is_flag=True, help="Take out of what is learnt from what dominates it.")
@click.option("--list", "listing", is_flag=True, help="List the stages.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("--show", type=click.Path(path_type=Path), help="Print what was evaluated in the folder of a run.")
@click.option("--flow", is_flag=True, help="Run as a Prefect flow.")
def command(
    context: click.Context,
    repo: Path,
    file: Path | None,
    name: str | None,
    stage: str | None,
    start: str | None,
    end: str | None,
    rebalance: bool,
    listing: bool,
    as_json: bool,
    show: Path | None,
    flow: bool,
) -> None:
    """Turn a repository's history into questions with answers, and learn from them. All stages, if none is named."""
    if context.invoked_subcommand:
        return
    if listing:
        _list(as_json)
        return
    if show:
        from whence_training.evaluation.terminal import show as show_evaluation

        show_evaluation(show, Console())
        return
    if stage and (start or end):
        raise click.UsageError("--stage runs one stage; it does not go with --start and --end")
    numbers = [stage] if stage else numbers_between(start or STAGES[0].number, end or STAGES[-1].number)
    if flow and (rebalance or as_json):
        raise click.UsageError("--flow goes with neither --rebalance nor --json; say rebalance in the configuration")
    config = read_config(file)
    if rebalance:
        gates = config.dataset_generator.gates.model_copy(update={"rebalance": True})
        told = config.dataset_generator.model_copy(update={"gates": gates})
        config = config.model_copy(update={"dataset_generator": told})
    for remark in remarks(config):
        _note(remark)
    if flow:
        from whence_training.flows import learn

        state = learn(str(repo), str(file) if file else None, numbers, name, return_state=True)
        if state.name == "Blocked":
            raise BlockedError(state.message or "")
        state.result()
        return
    done, begun, reasons = [], time.perf_counter(), list[str]()
    for attempt in attempts(config, numbers):
        run, reasons = open_run(open_repository(repo), attempt, name, _note), []
        for each, made in run_stages(run, numbers):
            done.append({"stage": each.number, "name": each.name, "hash": made.hash, **made.summary})
            reasons += made.summary.get("blocked", [])
            summary = {**made.summary, "blocked": []}  # which is said at the end, a line each
            _note(f"stage {each.number} ({each.name}): {said(summary)}")
        if not back_to_data(reasons):
            break
    seconds = round(time.perf_counter() - begun, 3)
    if as_json:
        click.echo(json.dumps({"run": str(run.folder), "stages": done, "seconds": seconds}))
    _note(f"in {run.folder}")
    if reasons:
        raise BlockedError("\nblocked: ".join(reasons))


@command.command()
@click.option("--repo", type=click.Path(path_type=Path), default=Path("."), help="The repository; here if not given.")
@click.option("--config", "file", type=click.Path(path_type=Path), help="YAML or TOML; see docs/training.md.")
def serve(repo: Path, file: Path | None) -> None:
    """Run when there is enough that is new, when answers get worse, or by the clock; until it is ended."""
    from whence_training.flows import serve_flows

    told = read_config(file).triggers
    open_repository(repo)
    clock = f", and runs by the clock ({told.cron})" if told.cron else ""
    _note(f"looks every {told.every} s{clock}; on this machine alone. Ctrl-C ends it")
    serve_flows(repo, file)


def _list(as_json: bool) -> None:
    if as_json:
        click.echo(
            json.dumps([{"stage": e.number, "name": e.name, "title": e.title, "needs": e.needs} for e in STAGES])
        )
        return
    for each in STAGES:
        click.echo(f"{each.number:<4}{each.name:<12}{each.title}")


def said(summary: Mapping[str, Any]) -> str:
    """What a stage says of itself, in a line."""
    return ", ".join(f"{key} {_short(value)}" for key, value in summary.items() if value not in ({}, [], None))


def _short(value: object) -> str:
    if isinstance(value, Mapping):
        return f"({said(value)})"
    if isinstance(value, list | tuple):
        return "; ".join(map(_short, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _note(message: str) -> None:
    click.echo(message, err=True)
