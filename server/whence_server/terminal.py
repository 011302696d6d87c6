"""What a person sees in a terminal: progress on stderr, results on stdout.

Knows rich and nothing of how a result came to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markdown import Markdown
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from whence_indexer.types import Citation, Hit
from whence_server.markup import lines_of
from whence_server.passages import best_passage
from whence_server.types import Answer, Explanation

if TYPE_CHECKING:
    from whence_indexer.adapting import Outcome
    from whence_indexer.indexing import Progress as ProgressCallback
    from whence_indexer.indexing import Report
    from whence_server.authorship import Authorship
    from whence_server.doctor import Check

_PREVIEW_LINES = 6
_CONTROLS = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160)), "�")


@contextmanager
def progress_bar() -> Iterator[ProgressCallback]:
    """A callback for `indexing.update` that draws one bar a stage; without a terminal each stage is named once."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
                if not console.is_terminal:
                    console.print(f"{stage}…" if total is None else f"{stage} ({total:,})…")
            bars.update(tasks[stage], completed=done, total=total)

        yield report


@contextmanager
def transfer_bar() -> Iterator[ProgressCallback]:
    """A callback that draws one bar of bytes for each thing that is fetched; without a terminal each is named once."""
    console = Console(stderr=True)
    left = TimeRemainingColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), left)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(escape(what), total=total)
                if not console.is_terminal:
                    console.print(_text(f"{what}…" if total is None else f"{what} ({_bytes(total)})…"))
            bars.update(tasks[what], completed=done, total=total)

        yield report


def show_checks(checks: Sequence[Check]) -> None:
    """Each thing that was looked at, and under what is wrong what mends it."""
    console = _console()
    for check in checks:
        console.print(_text(f"{'✗' if check.problem else '✓'} {check.what}"), soft_wrap=True)
        if check.problem:
            console.print(_text(f"  {check.problem}"), soft_wrap=True)
            console.print(_text(f"  to mend it: {check.fix}"), soft_wrap=True)


_KINDS = {"issue": "issue", "pull": "pull request"}


def show_report(report: Report) -> None:
    """What an index run did, problems by name."""
    console = _console()
    console.print(
        f"{report.files:,} files, {report.chunks:,} chunks, {report.commits:,} commits, {report.threads:,} threads; "
        f"{report.embedded:,} embedded in {report.seconds:.1f} s; index {_bytes(report.index_bytes)}"
    )
    if report.skipped:
        console.print("left out: " + ", ".join(f"{count:,} {reason}" for reason, count in report.skipped.items()))
    if report.redacted:
        console.print("redacted: " + ", ".join(f"{count:,} {kind}" for kind, count in report.redacted.items()))
    for problem in report.problems:
        console.print(_text(f"problem: {problem.where}: {problem.what}"), soft_wrap=True)


def show_adaptation(outcome: Outcome) -> None:
    """What came of adapting, and each recall before and after with its interval."""
    console = _console()
    console.print(_text(outcome.reason), soft_wrap=True)
    for measure, found in outcome.recall.items():
        change = f"{found['mean']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"
        console.print(f"  {measure:<16} {found['before']:.3f} -> {found['after']:.3f}  {change}")
    if outcome.tried:
        verdict = "adapted" if outcome.adapted else "not adapted"
        console.print(f"{verdict}; {outcome.pairs:,} pairs, {outcome.seconds:.1f} s")


def show_hits(hits: Sequence[Hit], weights: Mapping[str, float], root: Path) -> None:
    """Each hit's place, then those of its lines that say most of the question, whose words have these `weights`."""
    console = _console()
    if not hits:
        console.print("nothing found")
    for hit in hits:
        about = _text(f"  {hit.score:.2f}  {hit.symbol or ''}", "dim")
        console.print(_place(hit, root), about, *_address(hit, console), sep="")
        passage = best_passage(hit, weights, _PREVIEW_LINES)
        first = passage.start_line if hit.path else None  # a message and a thread have no lines to go to
        for row, line in enumerate(passage.quote.split("\n")):
            number = f"{first + row:>6}  " if first else "        "
            console.print(Text(number, style="dim"), _text(line), sep="", soft_wrap=True)


def show_answer(answer: Answer, root: Path) -> None:
    """The answer, then its receipts as places that terminals make clickable."""
    console = _console()
    if console.is_terminal:
        console.print(Markdown(answer.text.translate(_CONTROLS)))
    else:
        console.print(_text(answer.text), soft_wrap=True)
    if answer.citations:
        console.print()
    for citation in answer.citations:
        console.print(Text(f"[{citation.id}] "), _place(citation, root), *_address(citation, console), sep="")
    about = f"confidence {answer.confidence:.2f} · {answer.model.name} · {answer.timings.total:.2f} s"
    console.print(Text(f"\n{about}", style="dim"))


def show_explanation(explained: Explanation, root: Path) -> None:
    """The answer, then every commit of the history in one line."""
    show_answer(explained.answer, root)
    console = Console(highlight=False)
    for change in explained.history:
        threads = "".join(f" #{number}" for number in change.threads)
        line = f"{change.commit[:10]}  {change.date[:10]}  {change.author}  {change.subject}{threads}"
        console.print(_text(f"{'  before' if change.earlier else ''}  {line}"), soft_wrap=True)


def show_authorship(found: Authorship) -> None:
    """One author a line: share, lines, commits, when the last was; those who left no line as a number."""
    console = _console()
    named = f" {found.symbol}" if found.symbol else ""
    lines = ",".join(lines_of(place.start_line, place.end_line) for place in found.places)
    console.print(_text(f"{found.path}:{lines}{named}", "bold"))
    console.print(Text(f"{'share':>6} {'lines':>7} {'commits':>8}  last change  author", style="dim"))
    writing = [owner for owner in found.owners if owner.lines]
    for owner in writing:
        counts = f"{found.share(owner):>6.0%} {owner.lines:>7,} {owner.commits:>8,}"
        console.print(_text(f"{counts}  {owner.last[:10]:<11}  {owner.author}"))
    if others := len(found.owners) - len(writing):
        console.print(Text(f"and {others:,} whose lines are gone", style="dim"))
    if found.last:
        commit = f" in {found.found.commit[:10]}" if found.found.commit else ""
        console.print(_text(f"Last changed by {found.last.author} on {found.last.last[:10]}{commit}."))
    for note in found.notes:
        console.print(_text(note))


def show_status(report: Mapping[str, Any]) -> None:
    """`show_table` with what adapting brought in one line."""
    about = report["adapted"]
    line = "no"
    if about and about["recall"]:
        gains = (
            f"{measure} {found['before']:.3f} -> {found['after']:.3f}" for measure, found in about["recall"].items()
        )
        line = f"from {about['pairs']:,} pairs; on {about['queries']:,} later commits {', '.join(gains)}"
    elif about:
        line = "yes"
    show_table({**report, "adapted": line} | ({"places": len(report["places"])} if "places" in report else {}))
    for place in report.get("places", ()):
        lines = f":{place['line']}" if place["line"] else ""
        commit = f"commit {place['commit'][:10]} " if place["commit"] else ""
        where = f"thread #{place['thread']}" if place["thread"] else f"{commit}{place['path'] or 'message'}{lines}"
        Console(highlight=False).print(_text(f"{place['kind']}  {where}"), soft_wrap=True)


def show_models(report: Mapping[str, Any]) -> None:
    """A line for each model, here or offered, and what was begun."""
    console = _console()
    for offer in report.get("offers", ()):
        aliases = "".join(f"  {alias}: {version}" for alias, version in offer["aliases"].items())
        console.print(_text(f"{offer['name']}  {', '.join(offer['versions'])}{aliases}"))
    for model in report.get("models", ()):
        about = "damaged: whence models verify"
        if model["architecture"]:
            about = (
                f"{model['architecture']} {model['parameters'] / 1e6:,.0f} M {model['quantization']}, {model['mode']}, "
                f"{_bytes(model['size_bytes'])}, about {_bytes(model['memory_bytes'])} of memory"
            )
        roles = f"  [{', '.join(model['roles'])}]" if model["roles"] else ""
        console.print(_text(f"{model['name']}@{model['version']}  {about}{roles}"))
    for label, tally in report.get("trial", {}).items():
        counts = ", ".join(f"{count:,} {event}" for event, count in tally.items())
        console.print(_text(f"on trial: {label}  {counts}"))
    for folder in report.get("repositories", ()):
        console.print(_text(f"a choice of its own: {folder}"))
    if report.get("models"):
        console.print(_text(f"can be pulled: {', '.join(preset['name'] for preset in report['presets'])}"))
    elif not report.get("offers"):
        console.print("no models; `whence models pull NAME` fetches one of these from Hugging Face:")
        for preset in report.get("presets", ()):
            size = f"{preset['size']} GB, about {preset['memory']} GB of memory"
            console.print(_text(f"{preset['name']}  {size}: {preset['about']}"))
    for digest in report.get("partial", ()):
        console.print(_text(f"begun: {digest}"))


def show_table(rows: Mapping[str, Any]) -> None:
    """Names and values, one a line; what has none is left out."""
    width, console = max(map(len, rows)), _console()
    for name, value in ((name, value) for name, value in rows.items() if value is not None):
        shown = _bytes(value) if name.endswith("bytes") and value else _plain(value)
        console.print(_text(f"{name.replace('_', ' '):<{width}}  {shown}"))


def show_feedback(held: Sequence[Mapping[str, Any]], told: str) -> None:
    """`whence feedback list`: one line each, what was written, and what is amiss with it; `told` of all."""
    console = _console()
    if not held:
        console.print("nothing was said of any answer yet")
    for each in held:
        console.print(_text(f"{each['id']}  {each['at']}  {each['verdict']:<10}  {each['question']}"))
        if each["text"]:
            console.print(_text(f"    {each['text']}"))
        for flag in each["flags"]:
            others = f" with {', '.join(flag['others'])}" if flag["others"] else ""
            console.print(_text(f"    ! {flag['fault'].replace('_', ' ')}{others}", "yellow"))
    if held:
        console.print(_text(told))


def _console() -> Console:
    """Lines are as long as they are: a terminal wraps them, and a script reads them whole."""
    return Console(highlight=False, soft_wrap=True)


def _place(source: Hit | Citation, root: Path) -> Text:
    if source.path is not None:
        text = f"{source.path}:{lines_of(source.start_line, source.end_line)}"
        return _text(text, f"bold link {(root / source.path).as_uri()}")
    thread = f" (#{source.thread})" if source.thread else ""
    named = f"{_KINDS[source.kind]} #{source.thread}" if source.kind in _KINDS else f"commit {source.commit}{thread}"
    return Text(named, style=f"bold link {source.url}" if source.url else "bold")


def _address(source: Hit | Citation, console: Console) -> list[Text]:
    """Where it is shown to people, in full where no link can be followed: in a pipe or a file."""
    return [_text(f"  {source.url}")] if source.url and not console.is_terminal else []


def _text(value: str, style: str = "") -> Text:
    """A repository's text without control characters, which a terminal would obey."""
    return Text(value.translate(_CONTROLS), style=style)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{_plain(item)} {name}" for name, item in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
