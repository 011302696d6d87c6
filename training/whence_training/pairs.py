"""A project -> pairs of what a person would ask and the text that answers, for contrastive training.

Four kinds: doc comment -> the definition without it, name in words -> the definition without its name, heading ->
its section, commit message -> a hunk it changed. The passage looks as it will in the index. Pure given the folder:
one seed, no state.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from whence_indexer.chunker import chunk_file
from whence_indexer.errors import WhenceError
from whence_indexer.files import list_files, read_text
from whence_indexer.history import read_commits
from whence_indexer.pairs import Pair, chunk_pairs
from whence_indexer.repository import Repository, open_repository
from whence_indexer.types import Commit
from whence_training.sources import excluded

__all__ = ["MAX_OF_KIND", "Pair", "chunk_pairs", "collect_pairs"]

MAX_FILES = 2_500  # of one project, drawn at random: no project may drown the others
MAX_COMMITS = 2_500
MAX_OF_KIND = {"doc": 12_000, "name": 3_000, "section": 2_500, "commit": 1_200}
_PASSAGE = 2_000  # characters
_QUERY = 400

_NO_REASON = re.compile(r"bump|release|version|merge|update change|chore", re.IGNORECASE)
_THREAD = re.compile(r"\(?#\d+\)?")
_DIFF_MARK = re.compile(r"^[+-]", re.MULTILINE)


def collect_pairs(folder: Path, seed: int = 0) -> list[Pair]:
    """The pairs of the project in `folder`, each question once, shuffled, at most `MAX_OF_KIND` of a kind."""
    chance = random.Random(seed)
    repository = open_repository(folder)
    pairs = [*_file_pairs(repository, chance), *_commit_pairs(repository, chance)]
    chance.shuffle(pairs)
    return list(_limited(pairs))


def _file_pairs(repository: Repository, chance: random.Random) -> Iterator[Pair]:
    files = [(path, blob) for path, blob in list_files(repository).files.items() if not excluded(path)]
    chance.shuffle(files)
    for path, blob in files[:MAX_FILES]:
        try:
            text, _ = read_text(repository, path, blob)
        except (OSError, WhenceError):
            continue  # a partial clone lacks some contents
        for chunk in chunk_file(path, text or ""):
            yield from chunk_pairs(chunk, chance)


def _commit_pairs(repository: Repository, chance: random.Random) -> Iterator[Pair]:
    if repository.head is None:
        return
    for commit in read_commits(repository, "HEAD", "--no-merges", f"--max-count={MAX_COMMITS}"):
        yield from _commit_pair(commit, chance)


def _commit_pair(commit: Commit, chance: random.Random) -> Iterator[Pair]:
    hunks = [hunk for hunk in commit.hunks[:4] if not excluded(hunk.path)]
    if not hunks or len(commit.paths) > 8 or _NO_REASON.match(commit.subject):
        return
    query = _THREAD.sub("", f"{commit.subject}. {commit.body.partition(chr(10) * 2)[0][:200]}").strip()
    hunk = chance.choice(hunks)
    text = _DIFF_MARK.sub("", hunk.text)
    if len(query.split()) >= 4 and len(text) >= 60:
        yield Pair("commit", query[:_QUERY], f"{hunk.path} > {hunk.section}\n{text[:_PASSAGE]}")


def _limited(pairs: Iterable[Pair]) -> Iterator[Pair]:
    seen: set[str] = set()
    counts: dict[str, int] = defaultdict(int)
    for pair in pairs:
        question = pair.query.lower()
        if question not in seen and counts[pair.kind] < MAX_OF_KIND[pair.kind]:
            seen.add(question)
            counts[pair.kind] += 1
            yield pair
