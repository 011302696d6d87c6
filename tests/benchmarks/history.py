"""`python -m tests.benchmarks.history`: do changelog entries find their commits, and how fast is a history indexed?

An entry that names an issue or pull request is asked for in its own words, without the number, with all changelogs
hidden from the index; found is a commit whose message carries the number. Rates are those of whole runs of `update`.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.checkouts import check_out, open_searcher
from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer import schema
from whence_indexer.derivation import derive_threads
from whence_indexer.indexing import update
from whence_indexer.query import parse_query
from whence_indexer.repository import open_repository
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.types import Hit, Kind

_CHANGELOG = re.compile(r"(.*/)?(change(s|log)?|history|news|release[-_ ]?notes)[^/]*", re.IGNORECASE)
_NUMBERS = re.compile(r":[\w-]+:`[^`]*\d[^`]*`|\[?#\d+\]?(\([^)]*\))?_*|(?:GH|PR|gh)[- ]?#?\d+|https?://\S+")
_FEWEST_WORDS = 3
_HIDDEN = ("CHANGE*", "HISTORY*", "NEWS*", "change*", "history*", "news*", "release*notes*", "RELEASE*")
_ADDED = 100  # commits


@dataclass(frozen=True)
class Entries:
    """How often the commit of a changelog entry is among the first five, of commits and of everything.

    `joined` also counts commits that name no number and were found with it, as that of the merge they came by.
    """

    name: str
    asked: int
    of_commits: int
    joined: int
    of_all: int


def main() -> None:
    """Measure, print, and write where asked."""
    options = _options()
    parts = []
    if found := [entries for clone in options.changelogs if (entries := _entries(clone, options.entries))]:
        header = ["repository", "entries", "in the top 5 of commits", "or came by its merge", "of everything"]
        rows = [
            [e.name, str(e.asked), *(f"{count / e.asked:.0%}" for count in (e.of_commits, e.joined, e.of_all))]
            for e in found
        ]
        parts.append(table(header, rows))
    if options.large:
        header = ["repository", "commits", "hunks", "commits/s", "seconds", "peak memory (GB)"]
        parts.append(table(header, [_rate(clone) for clone in options.large]))
    if options.changelogs:
        parts.append(table(["repository", "commits added", "seconds"], [_added(clone) for clone in options.changelogs]))
    report = "\n\n".join([measured(), *parts])
    print(report)
    if options.write:
        write_section(options.write, "history", report)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.history", description=__doc__)
    parser.add_argument("--changelogs", type=Path, nargs="*", default=[], help="clones whose changelogs name numbers")
    parser.add_argument("--large", type=Path, nargs="*", default=[], help="clones with some 10,000 commits")
    parser.add_argument("--entries", type=int, default=200, help="entries sampled of each")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the tables into this page")
    return parser.parse_args()


def _entries(clone: Path, count: int) -> Entries | None:
    with TemporaryDirectory(prefix="whence-bench-") as folder:
        work_tree, _ = check_out(clone, Path(folder) / clone.name)
        texts = _changelogs(work_tree)
        (work_tree / ".whenceignore").write_text("\n".join(_HIDDEN) + "\n")
        for path in texts:
            (work_tree / path).unlink()
        repository = open_repository(work_tree)
        update(repository)
        searcher = open_searcher(repository)
        carrying = _carrying(searcher.store)
        asked = sorted(set(_questions(texts, carrying)))
        asked = random.Random(0).sample(asked, min(count, len(asked)))
        if not asked:
            print(f"{clone.name} is left out: no entry names a number that a commit carries", file=sys.stderr)
            return None
        of_commits = of_all = joined = 0
        for text, each in asked:
            first = _commits(searcher, text, "commit")
            carries = any(hit.commit in carrying[each] for hit in first)
            of_commits += carries
            joined += carries or any(hit.thread == each for hit in first)
            of_all += any(hit.commit in carrying[each] for hit in _commits(searcher, text))
        return Entries(clone.name, len(asked), of_commits, joined, of_all)


def _changelogs(work_tree: Path) -> dict[str, str]:
    files = (path.relative_to(work_tree).as_posix() for path in work_tree.rglob("*") if path.is_file())
    named = [path for path in files if _CHANGELOG.fullmatch(path) and path.endswith((".md", ".rst", ".txt"))]
    return {path: (work_tree / path).read_text("utf-8", "replace") for path in named if not path.startswith(".git/")}


def _questions(texts: Mapping[str, str], carrying: Mapping[int, set[str]]) -> Iterator[tuple[str, int]]:
    """(what an entry says without numbers, its number), of those that a commit carries."""
    for thread in derive_threads([], texts):
        for comment in thread.comments:
            said = " ".join(_NUMBERS.sub("", comment.body).split())
            if thread.number in carrying and len(said.split()) >= _FEWEST_WORDS:
                yield said, thread.number


def _carrying(store: Store) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for row in store.rows(schema.COMMITS_TABLE, ["sha", "threads"]).to_pylist():
        for each in row["threads"]:
            found.setdefault(each, set()).add(row["sha"])
    return found


def _commits(searcher: Searcher, text: str, *kinds: Kind) -> list[Hit]:
    """The commits among the first five hits."""
    return [hit for hit in searcher.search(parse_query(text), 5, kinds) if hit.commit]


def _rate(clone: Path) -> list[str]:
    """The files, then the whole history from nothing; the time is that of the history."""
    with TemporaryDirectory(prefix="whence-bench-") as folder:
        work_tree, _ = check_out(clone, Path(folder) / clone.name)
        started: dict[str, float] = {}
        report = update(
            open_repository(work_tree),
            progress=lambda stage, done, total: started.setdefault(stage, time.monotonic()) and None,
        )
        seconds = time.monotonic() - started["Indexing history"]
        hunks = Store(open_repository(work_tree).index_dir).count(schema.HUNKS_TABLE)
        kilobytes = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        rate, peak = number(report.commits / seconds, 0), number(max(kilobytes) / 1e6, 1)
        return [clone.name, f"{report.commits:,}", f"{hunks:,}", rate, number(seconds, 1), peak]


def _added(clone: Path) -> list[str]:
    """An index that lacks the last 100 commits or so, brought up to date."""
    with TemporaryDirectory(prefix="whence-bench-") as folder:
        work_tree, _ = check_out(clone, Path(folder) / clone.name)
        head, back, count = _git(work_tree, "rev-parse", "HEAD"), 0, 0
        while count < _ADDED:
            back += 1
            count = int(_git(work_tree, "rev-list", "--count", f"HEAD~{back}..HEAD"))
        _git(work_tree, "checkout", "-q", f"HEAD~{back}")
        update(open_repository(work_tree))
        _git(work_tree, "checkout", "-q", head)
        report = update(open_repository(work_tree))
        return [clone.name, str(count), number(report.seconds, 2)]


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
