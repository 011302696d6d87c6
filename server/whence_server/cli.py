"""`whence`: the command line, and the composition root of what it runs.

Parses arguments, opens the workspace, prints a result. Imports what a command needs only when it runs.
"""

from __future__ import annotations

import json
import posixpath
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar
from uuid import uuid4

import click

from whence_indexer import __version__, extras
from whence_indexer.errors import QueryError, TrackerError, WhenceError
from whence_server.feedbackcommands import feedback
from whence_server.modelcommands import models

if TYPE_CHECKING:
    from whence_indexer.indexing import Progress
    from whence_indexer.types import Kind, Span
    from whence_indexer.workspace import Workspace
    from whence_server.composing import Writing

F = TypeVar("F", bound=Callable[..., Any])


def main() -> NoReturn:
    """Run `whence`: exit 0 done, 1 the work failed, 2 bad usage."""
    try:
        code = cli.main(prog_name="whence", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("whence: stopped; what was there before is unharmed", err=True)
        sys.exit(1)
    except WhenceError as error:
        click.echo(f"whence: {error}", err=True)
        sys.exit(2 if isinstance(error, QueryError) else 1)
    except OSError as error:
        click.echo(f"whence: {error}", err=True)
        sys.exit(1)
    sys.exit(code or 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="whence")
def cli() -> None:
    """Answer questions about a repository, on this machine, with receipts."""


def _common(command: F) -> F:
    """The options that every command takes."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
    repo = click.option("--repo", default=".", metavar="PATH", help="The repository (default: the working directory).")
    return repo(as_json(command))


@cli.command()
@_common
@click.option("--rebuild", is_flag=True, help="Start anew; the old index serves until the new one is complete.")
@click.option("--history/--no-history", default=None, help="Index the commits too, or files alone; else as before.")
@click.option("--embedder", envvar="WHENCE_EMBEDDER", metavar="MODEL", help="A sentence-transformers model, or static.")
@click.option("--issues", metavar="FILE|URL|REMOTE", help="Also issues and pull requests: of a file, or of a tracker.")
def index(
    repo: str, as_json: bool, rebuild: bool, history: bool | None, embedder: str | None, issues: str | None
) -> None:
    """Index a repository: what is new since the last time, or all of it."""
    from whence_indexer.store import size_bytes
    from whence_server import terminal
    from whence_server.protocol import report_json

    workspace = _workspace(repo)
    report = workspace.update(model=embedder, rebuild=rebuild, history=history)
    imported = workspace.import_threads(issues) if issues else None
    if imported:
        report.problems += imported.problems
        report.threads, report.redacted = workspace.threads, workspace.redacted
        report.index_bytes = size_bytes(workspace.repository.index_dir)
    outcome = workspace.adapt() if workspace.adaptation_due() else None
    if as_json:
        _print(report_json(report, outcome))
    else:
        terminal.show_report(report)
        if outcome:
            terminal.show_adaptation(outcome)
    if imported and imported.failed:
        first = imported.problems[0]
        raise TrackerError(f"no issues and pull requests could be read: {first.where}: {first.what}")


@cli.command()
@_common
@click.option("--off", is_flag=True, help="Return to the model as shipped, and try no more after indexing.")
def adapt(repo: str, as_json: bool, off: bool) -> None:
    """Fit the embedding model to this repository's history; kept only if it then finds more."""
    from whence_server import terminal
    from whence_server.protocol import adaptation_json

    outcome = _workspace(repo).adapt(off)
    _print(adaptation_json(outcome)) if as_json else terminal.show_adaptation(outcome)


@cli.command()
@click.argument("query")
@_common
@click.option("-k", "limit", default=10, type=click.IntRange(min=1), show_default=True, help="How many hits.")
@click.option("--kind", "kinds", callback=lambda ctx, option, value: _kinds(value), metavar="KIND,…",
              help="Only these kinds: code, doc, commit, issue, pull.")  # fmt: skip
@click.option("--under", metavar="PATH", help="Only this folder or file, relative to the repository's root.")
def search(query: str, repo: str, as_json: bool, limit: int, kinds: list[Kind], under: str | None) -> None:
    """Find code, documentation and commits."""
    from whence_indexer.periods import complaint
    from whence_indexer.query import parse_query
    from whence_server.protocol import search_json

    started = time.monotonic()
    parsed = parse_query(query)
    workspace = _workspace(repo)
    hits, weights = workspace.ask(
        lambda searcher: (searcher.search(parsed, limit, kinds, under), searcher.rarity(parsed.content))
    )
    if amiss := complaint(workspace.repository, parsed.period):
        _note(amiss)
    if not hits and kinds and {"issue", "pull"}.issuperset(kinds) and not workspace.threads:
        click.echo("whence: no issues are imported; whence index --issues brings them in", err=True)
    if as_json:
        _print(search_json(hits, time.monotonic() - started, workspace.stale))
    else:
        from whence_server import terminal

        terminal.show_hits(hits, weights, workspace.repository.root)


@cli.command()
@click.argument("question")
@_common
@click.option("--model", default="auto", envvar="WHENCE_MODEL", metavar="NAME|FILE.gguf|URL#NAME",
              help="The model that writes, or none for quotations. Default: what `whence models use`.")  # fmt: skip
@click.option("--at", callback=lambda ctx, option, value: _position(value), metavar="PATH:LINE",
              help="Where the cursor is: that code is part of the evidence.")  # fmt: skip
def ask(question: str, repo: str, as_json: bool, model: str, at: Span | None) -> None:
    """Answer a question, each statement with its receipt."""
    from whence_server.answering import answer
    from whence_server.conversations import question_of
    from whence_server.protocol import answer_json
    from whence_server.questionlog import keep_question

    asked = question_of(question, at)
    workspace = _workspace(repo)
    if at and workspace.ask(lambda searcher: searcher.at(at.path, at.start_line)) is None:
        raise QueryError(f"nothing is indexed at {at.path}:{at.start_line}")
    with _writing(model, workspace) as writing:
        answered = workspace.ask(lambda searcher: answer(asked, searcher, workspace.repository, writing=writing))
    keep_question(workspace.repository.index_dir, question, answered)
    if as_json:
        _print(answer_json(answered, workspace.stale))
    else:
        from whence_server import terminal

        terminal.show_answer(answered, workspace.repository.root)


@cli.command("export")
@click.argument("file", type=click.Path(path_type=Path))
@_common
def export(file: Path, repo: str, as_json: bool) -> None:
    """Write the imported issues and pull requests into FILE.jsonl, for `whence index --issues` elsewhere."""
    written = _workspace(repo).export_threads(file)
    _print({"threads": written}) if as_json else click.echo(f"{written:,} threads written to {file}")


@cli.command()
@click.argument("what", metavar="PATH:LINE[-LINE]|PATH#SYMBOL|SYMBOL")
@_common
def why(what: str, repo: str, as_json: bool) -> None:
    """Show which commits shaped these lines, or this definition, and the reasons they give."""
    from whence_indexer.repository import open_repository
    from whence_indexer.source import relative_path
    from whence_indexer.types import Span
    from whence_server.places import exactly, parse_place
    from whence_server.protocol import why_json
    from whence_server.why import explain, explain_definition

    repository = open_repository(repo)
    with exactly(repository, what):
        place = parse_place(what)
        path = relative_path(repository, place.path) if place.path else None
        if path is not None and place.symbol is None:
            explained = explain(repository, Span(path, place.first, place.last or place.first))
        else:
            explained = explain_definition(repository, place.symbol or "", path)
    if as_json:
        _print(why_json(explained))
    else:
        from whence_server import terminal

        terminal.show_explanation(explained, repository.root)


@cli.command()
@click.argument("what", metavar="PATH[:LINE[-LINE]]|PATH#SYMBOL|SYMBOL")
@_common
def who(what: str, repo: str, as_json: bool) -> None:
    """Show who wrote a file, lines or a definition, and who changed it last."""
    from whence_indexer.repository import open_repository
    from whence_indexer.source import relative_path
    from whence_server.authorship import authorship_of
    from whence_server.places import Place, exactly, parse_place
    from whence_server.protocol import who_json

    repository = open_repository(repo)
    with exactly(repository, what):
        place = parse_place(what, lines_needed=False)
        if place.path is None and not repository.bare and (repository.root / what).is_file():  # LICENSE, Makefile
            place = Place(what)
        path = relative_path(repository, place.path) if place.path else None
        found = authorship_of(repository, path, place.symbol, place.first, place.last)
    if as_json:
        _print(who_json(found))
    else:
        from whence_server import terminal

        terminal.show_authorship(found)


@cli.command("eval")
@click.argument("file", type=click.Path(path_type=Path))
@_common
@click.option("-k", "--k", "k", default=10, type=click.IntRange(min=1), show_default=True, help="Ranks counted.")
def evaluate(file: Path, repo: str, as_json: bool, k: int) -> None:
    """Measure search and answers against FILE: JSON lines of question, paths, commits, answer."""
    from whence_server import evaluation

    examples = evaluation.read_examples(file)
    workspace = _workspace(repo)
    report = workspace.ask(lambda searcher: evaluation.evaluate(examples, searcher, workspace.repository, k))
    if as_json:
        _print(report)
    else:
        from whence_server import terminal

        terminal.show_table(report)


@cli.command()
@_common
@click.option("--redacted", is_flag=True, help="Also where secrets and personal data were taken out, never what.")
def status(repo: str, as_json: bool, redacted: bool) -> None:
    """Show what the index holds, its size, and how far the repository has moved on."""
    from whence_server import terminal
    from whence_server.status import index_status

    report = index_status(_workspace(repo), redacted)
    _print(report) if as_json else terminal.show_status(report)


@cli.command()
@_common
@click.option("--repair", is_flag=True, help="First make the index anew where it is missing or cannot be read.")
def doctor(repo: str, as_json: bool, repair: bool) -> int:
    """Look for what keeps Whence from working here, and say what mends it; 1 where something does."""
    from whence_server import doctor as examine
    from whence_server import terminal
    from whence_server.protocol import checks_json

    workspace = _workspace(repo)
    if repair:
        examine.repair(workspace)
    checks = [*examine.machine(), *examine.of_repository(workspace.repository)]
    _print(checks_json(checks)) if as_json else terminal.show_checks(checks)
    return int(any(check.problem for check in checks))


@cli.command()
@click.option("--repo", default=".", metavar="PATH", help="The repository (default: the working directory).")
def mcp(repo: str) -> None:
    """Serve other agents: a Model Context Protocol server, on standard input and output."""
    try:
        from whence_server.agents import serve
    except ModuleNotFoundError as error:
        if error.name not in {"mcp", "mcp_types"}:
            raise
        raise WhenceError(f"whence mcp needs the package mcp: {extras.command('mcp')}") from error
    serve(_workspace(repo)).run("stdio")


@cli.command()
@click.option("--stdio", is_flag=True, help="Speak on standard input and output, which is always so.")
def lsp(stdio: bool) -> None:
    """Serve an editor: the language server, on standard input and output."""
    from whence_server.lsp.server import run

    run()


cli.add_command(models)
cli.add_command(feedback)


def _workspace(repo: str) -> Workspace:
    from whence_indexer.repository import open_repository
    from whence_indexer.workspace import Workspace

    return Workspace(open_repository(repo), _progress_bar, _note)


@contextmanager
def _writing(model: str, workspace: Workspace) -> Iterator[Writing | None]:
    """The model of this name at work, which loads while the repository is looked at; None for quotations."""
    if model == "none":
        yield None
        return
    from whence_server.generation.serving import Serving
    from whence_server.models.choosing import scope_of
    from whence_server.models.installed import user_home

    with (
        closing(Serving(user_home(), _note)) as serving,
        serving.writing(model, scope_of(workspace.repository), uuid4().hex) as writing,
    ):
        yield writing


def _note(message: str) -> None:
    click.echo(f"whence: {message}", err=True)


def _progress_bar() -> AbstractContextManager[Progress]:
    from whence_server import terminal

    return terminal.progress_bar()


def _print(report: dict[str, Any]) -> None:
    click.echo(json.dumps(report, ensure_ascii=False))


def _kinds(value: str | None) -> list[Kind]:
    from whence_indexer.types import KINDS

    kinds = [kind.strip() for kind in value.split(",")] if value is not None else []
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(KINDS)}")
    return kinds  # type: ignore[return-value]


def _position(value: str | None) -> Span | None:
    from whence_indexer.types import Span

    if value is None:
        return None
    path, _, line = value.rpartition(":")
    if not path or not line.isdecimal() or not 1 <= int(line[:10]) < 2**31:
        raise click.BadParameter(f"{value!r} is not PATH:LINE")
    return Span(posixpath.normpath(path), int(line), int(line))


if __name__ == "__main__":
    main()
