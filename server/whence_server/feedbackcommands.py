"""`whence feedback`: what was said of answers, listed, put right, written elsewhere and forgotten.

Parses arguments, calls, prints. It is kept on this machine alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from whence_indexer.repository import Repository

F = TypeVar("F", bound=Callable[..., Any])


def _common(command: F) -> F:
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
    repo = click.option("--repo", default=".", metavar="PATH", help="The repository (default: the working directory).")
    return repo(as_json(command))


@click.group()
def feedback() -> None:
    """See and change what was said of answers, which is kept on this machine alone."""


@feedback.command("list")
@_common
def list_feedback(repo: str, as_json: bool) -> None:
    """Show all of it, what is amiss with it, and whether it is enough to learn from."""
    from whence_server import terminal
    from whence_server.feedback import read_feedback
    from whence_server.lsp.settings import combine, read_settings
    from whence_server.training.examples import collect, count

    repository = _repository(repo)
    held = read_feedback(repository.index_dir)
    examples, settings = collect(held), combine(read_settings(repository.root)[0])
    statistics = count(examples, settings.minTrainingExamples)
    faults = {each.id: [asdict(flag) for flag in each.flags] for each in examples}
    rows = [asdict(each) | {"flags": faults.get(each.id, [])} for each in held]
    if as_json:
        _print({"feedback": rows, "statistics": asdict(statistics)})
    else:
        terminal.show_feedback(rows, statistics.told)


@feedback.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@_common
def export(file: Path, repo: str, as_json: bool) -> None:
    """Write all of it into FILE, as JSON lines."""
    from whence_server.feedback import read_feedback

    held = [asdict(each) for each in read_feedback(_repository(repo).index_dir)]
    file.write_text("".join(f"{json.dumps(each, ensure_ascii=False)}\n" for each in held), "utf-8")
    _print({"exported": len(held)}) if as_json else click.echo(f"{len(held):,} written to {file}")


@feedback.command("remove")
@click.argument("identifier", metavar="ID|all")
@_common
def remove(identifier: str, repo: str, as_json: bool) -> None:
    """Forget one of them, or all."""
    from whence_server.feedback import delete_feedback

    delete_feedback(_repository(repo).index_dir, identifier)
    _print({"removed": identifier}) if as_json else click.echo(f"{identifier} is forgotten")


@feedback.command("fix")
@click.argument("identifier", metavar="ID")
@click.argument("text")
@_common
def fix(identifier: str, text: str, repo: str, as_json: bool) -> None:
    """Give one of them TEXT as the right answer: a thumb becomes a correction."""
    from whence_server.feedback import fix_feedback

    fixed = fix_feedback(_repository(repo).index_dir, identifier, text)
    _print(asdict(fixed)) if as_json else click.echo(f"{identifier} is a {fixed.verdict}: {fixed.text}")


def _repository(repo: str) -> Repository:
    from whence_indexer.repository import open_repository

    return open_repository(repo)


def _print(report: dict[str, Any]) -> None:
    click.echo(json.dumps(report, ensure_ascii=False))
