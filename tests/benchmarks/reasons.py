"""`python -m tests.benchmarks.reasons`: does an answer to a question of why cite the commit that gives the reason?

Questions are made from commits whose message tells a reason in so many words, in two ways: from the subject, and from
a name that the commit brought into a definition and that is there still, which the message need not mention. Halves of
the repositories are kept apart: one was looked at while the answers were built.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean

import numpy as np
from rich.console import Console
from rich.progress import track
from tests.benchmarks.checkouts import Checkout, open_checkout
from tests.benchmarks.datasets import Pinned
from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer.definitions import Definition, definitions_in
from whence_indexer.errors import RepositoryError
from whence_indexer.files import read_text
from whence_indexer.history import read_commits
from whence_indexer.query import parse_query
from whence_indexer.repository import Repository
from whence_indexer.types import Commit
from whence_server.answering import answer, answer_from_search
from whence_server.types import Answer, Question

_REASON = re.compile(r"\b(because|so that|otherwise|to (?:avoid|prevent))\b", re.IGNORECASE)
_NAME = re.compile(r"\b(?=\w*[a-z])(?:[A-Za-z]\w*_\w+|[A-Za-z]+[a-z]+[A-Z]\w+|[A-Za-z_]\w{3,}(?=\())")  # or called
_TEST = re.compile(r"(^|/)(tests?|specs?|testing|examples?|benches|benchmarks?)(/|_|\.)|[._-](test|spec)s?\.|_test\.")
_MOST_PATHS = 10
_MOST_LINES = 150  # of a definition: in a longer one a name stands for little
_NUMBER = re.compile(r"\s*\((?:#|gh-)\d+\)|\s*(?:closes?|fix(?:es)?) #\d+\.?", re.IGNORECASE)
_AREA = re.compile(r"^[\w/. -]{1,20}:\s+")
_PAST = {
    "add": "added", "adds": "added", "added": "added", "remove": "removed", "removes": "removed", "removed": "removed",
    "drop": "dropped", "use": "used", "deprecate": "deprecated", "rename": "renamed", "move": "moved",
    "disable": "disabled", "enable": "enabled", "allow": "allowed", "fix": "fixed", "fixed": "fixed",
    "replace": "replaced", "refactor": "refactored", "update": "updated", "avoid": "avoided", "revert": "reverted",
    "ignore": "ignored", "support": "supported", "change": "changed", "prevent": "prevented",
    "implement": "implemented",
}  # fmt: skip

Ask = Callable[[Checkout, str], Answer]


@dataclass(frozen=True, slots=True)
class Case:
    """A question whose answer is in the message of `sha`, made from its `subject` or from the `code`."""

    kind: str
    text: str
    sha: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer did with a case: cited its commit at all, first, abstained; and how long it took, in seconds."""

    case: Case
    cited: bool
    first: bool
    abstained: bool
    seconds: float


def main() -> None:
    """Measure, print, and write where asked."""
    options = _options()
    rows: dict[str, list[Outcome]] = {}
    for half, names in (("looked at", options.seen), ("held out", options.held)):
        for name in names:
            with open_checkout(options.clones, Pinned(name, "", "HEAD"), None, history=True) as checkout:
                cases = make_cases(checkout.repository, options.each, random.Random(options.seed))
                for way, ask in (("search alone", _search_alone), ("through the code", _through_the_code)):
                    found = [_outcome(case, checkout, ask, options.show) for case in _shown(cases, f"{name}, {way}")]
                    for outcome in found:
                        for key in (f"{half}, {outcome.case.kind}, {way}", f"{half}, all, {way}"):
                            rows.setdefault(key, []).append(outcome)
    report = f"{measured()}\n\n{_table(rows)}"
    print(report)
    if options.write:
        write_section(options.write, "reasons", report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.reasons", description=__doc__)
    parser.add_argument("--clones", type=Path, required=True, help="folder of clones with their whole history")
    parser.add_argument("--seen", nargs="*", default=[], metavar="NAME", help="those that were looked at")
    parser.add_argument("--held", nargs="*", default=[], metavar="NAME", help="those that were held out")
    parser.add_argument("--each", type=int, default=10, help="questions of each kind and repository")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", action="store_true", help="print the answers")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table into this page")
    return parser.parse_args()


def make_cases(repository: Repository, each: int, chance: random.Random) -> list[Case]:
    """At most `each` questions of both kinds, of commits in an order by chance."""
    telling = [commit for commit in read_commits(repository, repository.head or "HEAD") if _tells(commit)]
    chance.shuffle(telling)
    asked = [Case("subject", text, commit.sha) for commit in telling if (text := subject_question(commit.subject))]
    return [*asked[:each], *islice(_code_cases(repository, telling, chance), each)]


def _tells(commit: Commit) -> bool:
    few = len(commit.parents) == 1 and len(commit.paths) <= _MOST_PATHS
    return few and bool(_REASON.search(commit.body)) and not _REASON.search(commit.subject)


def subject_question(subject: str) -> str | None:
    """`Add a cache (#12)` -> "Why was a cache added?"; None where the subject begins with no such verb."""
    text = _AREA.sub("", _NUMBER.sub("", subject)).strip().rstrip(".")
    verb, _, rest = text.partition(" ")
    done = _PAST.get(verb.lower())
    return f"Why was {rest} {done}?" if done and len(rest.split()) >= 2 else None


def _code_cases(repository: Repository, commits: Sequence[Commit], chance: random.Random) -> Iterator[Case]:
    """Why a definition uses a name: one question a commit that brought the name in and whose line is there still."""
    for commit in commits:
        for path in dict.fromkeys(hunk.path for hunk in commit.hunks):
            if _TEST.search(path):
                continue
            hunks = [hunk for hunk in commit.hunks if hunk.path == path]
            added = {name for hunk in hunks for name in _names(hunk.text, "+")}
            new = added - {name for hunk in hunks for name in _names(hunk.text, "-")}
            found = _place_of(repository, commit.sha, path, sorted(new), chance) if new else None
            if found:
                definition, name = found
                yield Case("code", f"Why does `{definition.symbol}` use `{name}`?", commit.sha)
                break


def _names(text: str, sign: str) -> set[str]:
    lines = (line[1:] for line in text.split("\n") if line.startswith(sign))
    return {name for line in lines if not line.strip().startswith(("#", "//", "*")) for name in _NAME.findall(line)}


def _place_of(
    repository: Repository, sha: str, path: str, names: Sequence[str], chance: random.Random
) -> tuple[Definition, str] | None:
    """A definition that holds one of `names`, in lines that are all from the commit `sha`, and no other of the file."""
    try:
        text = read_text(repository, path, f"HEAD:{path}")[0] or ""
    except (OSError, RepositoryError):
        return None
    lines = text.split("\n")
    for name in chance.sample(names, len(names)):
        held = [row for row, line in enumerate(lines, 1) if re.search(rf"\b{name}\b", line)]
        around = [
            each
            for each in definitions_in(path, text)
            if held and each.place.start_line < held[0] and held[-1] <= each.place.end_line and each.name != name
        ]
        inner = min(around, key=lambda each: each.place.end_line - each.place.start_line, default=None)
        if inner and inner.place.end_line - inner.place.start_line <= _MOST_LINES:
            blamed = [_git(repository, "blame", "-w", "-l", "-s", f"-L{row},{row}", "HEAD", "--", path) for row in held]
            if all(line.startswith(sha) for line in blamed):
                return inner, name
    return None


def _search_alone(checkout: Checkout, text: str) -> Answer:
    return answer_from_search(Question(parse_query(text)), checkout.searcher, checkout.repository)


def _through_the_code(checkout: Checkout, text: str) -> Answer:
    return answer(Question(parse_query(text)), checkout.searcher, checkout.repository)


def _outcome(case: Case, checkout: Checkout, ask: Ask, show: bool) -> Outcome:
    started = time.perf_counter()
    found = ask(checkout, case.text)
    seconds = time.perf_counter() - started
    commits = [citation.commit for citation in found.citations]
    if show:
        print(
            f"\n=== {case.text}  [{case.sha[:10]} {'cited' if case.sha in commits else 'missed'}]\n{found.text[:1500]}"
        )
    return Outcome(case, case.sha in commits, commits[:1] == [case.sha], found.abstained, seconds)


def _shown(cases: Sequence[Case], name: str) -> Iterator[Case]:
    yield from track(cases, name, console=Console(stderr=True), transient=True)


def _table(rows: dict[str, list[Outcome]]) -> str:
    header = ["repositories, question, way", "questions", "cited", "cited first", "abstained", "ms p50", "ms p95"]
    lines = []
    for name, outcomes in sorted(rows.items()):
        rates = (fmean(getattr(each, key) for each in outcomes) for key in ("cited", "first", "abstained"))
        times = np.percentile([each.seconds * 1000 for each in outcomes], (50, 95))
        lines.append([name, str(len(outcomes)), *map(number, rates), *(f"{value:,.0f}" for value in times)])
    return table(header, lines)


def _git(repository: Repository, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=repository.root, capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main()
