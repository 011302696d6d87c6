"""`python -m tests.benchmarks.why`: is the commit that `why` names first the right one, and how long does it take?

Samples lines of every clone with enough commits, and compares with `git blame -w -M -C` of the whole file from which
the format-only commits are ignored, by a definition of its own: see `is_format_only`.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import random
import re
import resource
import subprocess
import sys
import time
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.progress import track
from tests.benchmarks.checkouts import check_out
from tests.benchmarks.markdown import measured, table, write_section
from tree_sitter import Parser

from whence_indexer import lineage
from whence_indexer.decoding import decode
from whence_indexer.files import list_files, read_text
from whence_indexer.grammars import parser_of
from whence_indexer.languages import language_of
from whence_indexer.repository import Repository, open_repository
from whence_indexer.source import find_source
from whence_indexer.types import Span
from whence_server.why import explain

MIN_COMMITS = 3_000
MAX_LINES = 3_000
_SLIPS = 0.05  # of the files of a sweep: formatters do change a string now and then
_CHOSEN = re.compile(r"[\s,;()\"'`\\]+")
_SETTINGS = tuple(
    "pyproject.toml setup.cfg .flake8 .pre-commit-config.yaml .editorconfig .prettierrc rustfmt.toml".split()
)
_BLAME = "-w -M -C --root --incremental --no-textconv".split()


Times = tuple[float, float]


@dataclass
class Result:
    """What was measured in one repository; times in seconds, of a clock and of processors."""

    name: str
    commits: int
    agreed: int = 0
    seen_through: int = 0
    warm: list[Times] = field(default_factory=list)
    first: list[Times] = field(default_factory=list)
    cold: list[Times] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)


def main() -> None:
    """Measure, print, and write where asked."""
    options = _options()
    results = list(_measure(options.clones, options.lines, options.cold, options.seed))
    report = f"{measured()}\n\n{_table(results)}"
    print(report)
    for result in results:
        for line in result.differing:
            print(f"differs: {result.name} {line}", file=sys.stderr)
    if options.write:
        write_section(options.write, "why", report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.why", description=__doc__)
    parser.add_argument("--clones", type=Path, required=True, help="folder of clones; those with 3,000 commits count")
    parser.add_argument("--lines", type=int, default=200, help="lines sampled of each")
    parser.add_argument("--cold", type=int, default=40, help="of them, asked in a process of their own")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table into this page")
    return parser.parse_args()


def _measure(clones: Path, lines: int, cold: int, seed: int) -> Iterator[Result]:
    for clone in sorted(path for path in clones.iterdir() if (path / ".git").exists()):
        commits = int(_git(clone, "rev-list", "--count", "HEAD"))
        if commits >= MIN_COMMITS:
            with TemporaryDirectory(prefix="whence-bench-") as folder:
                work_tree, note = check_out(clone, Path(folder) / clone.name)
                if note:
                    print(f"{clone.name} is left out: {note}", file=sys.stderr)
                    continue
                yield _compared(Result(clone.name, commits), open_repository(work_tree), lines, cold, seed)


def _compared(result: Result, repository: Repository, lines: int, cold: int, seed: int) -> Result:
    places = _places(repository, lines, random.Random(seed))
    console = Console(stderr=True)
    for path, line in track(places[:cold], f"{result.name}, cold", console=console, transient=True):
        result.cold.append(_ask_anew(repository, path, line))
    first = {place: _ask(repository, *place, result.first) for place in places}
    lineage.forget()
    for path, line in track(places, f"{result.name}, warm", console=console, transient=True):
        lineage.prepare(repository, find_source(repository, path, line, line))
        named = {first[path, line], _ask(repository, path, line, result.warm)}
        expected, passed = _reference(repository, path, line)
        result.agreed += named == {expected}
        result.seen_through += bool(passed)
        if named != {expected}:
            result.differing.append(f"{path}:{line} why {sorted(named)} reference {expected} through {passed}")
    return result


def _ask(repository: Repository, path: str, line: int, times: list[Times]) -> str:
    """The commit named first; how long that took goes into `times`."""
    before = _clocks()
    explained = explain(repository, Span(path, line, line))
    times.append(_since(before))
    return explained.history[0].commit


def _places(repository: Repository, count: int, chance: random.Random) -> list[tuple[str, int]]:
    """Lines with text, each as likely as any other, of the files that are indexed."""
    texts = {path: read_text(repository, path, blob)[0] for path, blob in list_files(repository).files.items()}
    rows = {path: text.split("\n") for path, text in sorted(texts.items()) if text}
    every = [
        (path, number)
        for path, lines in rows.items()
        if len(lines) <= MAX_LINES
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    return chance.sample(every, min(count, len(every)))


def _reference(repository: Repository, path: str, line: int) -> tuple[str, list[str]]:
    """The commit that the line is from, and the format-only ones that were ignored for that."""
    ignored: list[str] = []
    while True:
        sha = _blamed(repository, path, tuple(ignored))[line]
        if sha in ignored or not is_format_only(repository, sha):
            return sha, [each[:10] for each in ignored]
        ignored.append(sha)


@lru_cache(maxsize=512)
def _blamed(repository: Repository, path: str, ignored: tuple[str, ...]) -> dict[int, str]:
    """The commit of every line of a file."""
    file = repository.root / ".git-blame-ignore-revs"
    listed = [f"--ignore-revs-file={file}"] if file.is_file() else []
    skipped = [f"--ignore-rev={sha}" for sha in ignored]
    found = {}
    for row in _git(repository.root, "blame", *_BLAME, *listed, *skipped, "--", path).split("\n"):
        parts = row.split(" ")
        if len(parts) == 4 and len(parts[0]) == 40 and parts[1].isdecimal():
            first, count = int(parts[2]), int(parts[3])
            found.update(dict.fromkeys(range(first, first + count), parts[0]))
    return found


@lru_cache(maxsize=4096)
def is_format_only(repository: Repository, sha: str) -> bool:
    """Whether a commit with one parent left the content of the files it changed as it was, but for one in twenty.

    The content of a Python file is its abstract syntax tree and its comments; of a file in another language with a
    grammar, the leaves of its tree-sitter tree without commas, semicolons, parentheses and quotes; of any other file,
    its text; white space never counts. A file added or deleted is a change, a rename or a formatter's settings is not.
    """
    parents = _git(repository.root, "rev-list", "--parents", "-n1", sha).split()[1:]
    if len(parents) != 1:
        return False
    changed = _git(repository.root, "diff-tree", "-r", "-M", "-z", "--no-commit-id", parents[0], sha).split("\0")
    fields = iter(changed)
    files = different = 0
    for about in fields:
        if not about:
            break
        _, mode, before, after, status = about.split(" ")
        path = next(fields)
        if status[0] == "R":
            path = next(fields)
        if path.endswith(_SETTINGS):
            continue
        files += 1
        if status[0] not in "RM" or mode == "160000":  # a submodule
            different += 1
        elif before != after:
            different += _content(repository, path, before) != _content(repository, path, after)
        if different > _SLIPS * len(changed) / 2:
            return False
    return files > 0 and different <= _SLIPS * files


def _content(repository: Repository, path: str, blob: str) -> list[str]:
    """What a file says, without how it stands."""
    data = subprocess.run(["git", "cat-file", "blob", blob], cwd=repository.root, capture_output=True, check=True)
    text = decode(data.stdout)
    if text is None:
        return ["binary", blob]
    grammar = language_of(path, text).grammar
    if grammar is None:
        return ["".join(text.split())]
    if path.endswith(".py"):
        with suppress(SyntaxError, ValueError, tokenize.TokenError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _python(text)
    return _leaves(parser_of(grammar), text)


def _python(text: str) -> list[str]:
    """The tree that Python's own parser makes of it, strings without white space, and the comments."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value, node.kind = "".join(node.value.split()), None
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = ["".join(token.string.split()) for token in tokens if token.type == tokenize.COMMENT]
    return [ast.dump(tree), *comments]


def _leaves(parser: Parser, text: str) -> list[str]:
    """The leaves of the syntax tree but for white space and punctuation that a formatter chooses."""
    leaves = []
    cursor = parser.parse(text.encode()).walk()
    while True:
        if cursor.goto_first_child():
            continue
        node = cursor.node
        kept = _CHOSEN.sub("", node.text.decode("utf-8", "replace")) if node is not None and node.text else ""
        if node is not None and kept:
            leaves.append(f"{node.type} {kept}")
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return leaves


def _ask_anew(repository: Repository, path: str, line: int) -> Times:
    command = [sys.executable, "-m", "whence_server", "why", f"{path}:{line}", "--json", "--repo", str(repository.root)]
    before = _clocks()
    finished = subprocess.run(command, check=True, capture_output=True)
    times = _since(before)
    json.loads(finished.stdout)
    return times


def _clocks() -> Times:
    """Now, and the processor time that this process and those it waited for have used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)


def _since(before: Times) -> Times:
    after = _clocks()
    return after[0] - before[0], after[1] - before[1]


def _table(results: list[Result]) -> str:
    header = ["repository", "commits", "lines", "agreement", "through format-only"]
    found = []
    times = []
    for result in results:
        asked = len(result.warm)
        counts = [f"{result.commits:,}", str(asked), f"{result.agreed / asked:.1%}", str(result.seen_through)]
        found.append([result.name, *counts])
        for name, part in (("warm", result.warm), ("first", result.first), ("cold", result.cold)):
            columns = [
                f"{np.percentile(column, share) * 1000:,.0f}"
                for column in zip(*part, strict=True)
                for share in (50, 95)
            ]
            times.append([f"{result.name}, {name}", *columns])
    clocks = ["ms", "p50", "p95", "processor p50", "processor p95"]
    return f"{table(header, found)}\n\n{table(clocks, times)}"


def _git(folder: Path, *arguments: str) -> str:
    finished = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return finished.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main()
