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
from dataclasses import dataclass
from pathlib import Path

from whence_indexer.chunker import chunk_file
from whence_indexer.errors import WhenceError
from whence_indexer.files import list_files, read_text
from whence_indexer.history import read_commits
from whence_indexer.repository import Repository, open_repository
from whence_indexer.terms import words
from whence_indexer.types import Chunk, Commit
from whence_training.sources import excluded

MAX_FILES = 2_500  # of one project, drawn at random: no project may drown the others
MAX_COMMITS = 2_500
MAX_OF_KIND = {"doc": 12_000, "name": 3_000, "section": 2_500, "commit": 1_200}
_PASSAGE = 2_000  # characters
_QUERY = 400
_NAME_REMOVED = 0.3  # share of definitions whose name is taken out, so that the body must be understood
_ASKED = 0.15  # share of doc sentences turned into a question
_NAMED = 0.35  # share of undocumented definitions used with their name alone
_QUESTIONS = ("how does it ", "where is the code to ", "how to ", "what is ")

_DOCSTRING = re.compile(r'^\s*(?:[rbu]*"""|\'\'\')(.*?)(?:"""|\'\'\')', re.DOTALL | re.MULTILINE)
_LEADING_COMMENT = re.compile(r"\A((?:[ \t]*(?://+!?|#+|--+\s*\|?|/\*\*?|;+|\*)[^\n]*\n)+)")
_COMMENT_MARK = re.compile(r"^[ \t]*(?:///?!?|#+!?|--+\s*\|?|/\*\*?|\*/?|;+)[ \t]?", re.MULTILINE)
_DOC_END = re.compile(r"\n\s*\n|\n\s*[@:]\w|\n(?:Args:|Parameters|Returns)")
_NO_DOC = re.compile(r"copyright|license|eslint|noqa|TODO|pragma|FIXME", re.IGNORECASE)
_NO_REASON = re.compile(r"bump|release|version|merge|update change|chore", re.IGNORECASE)
_THREAD = re.compile(r"\(?#\d+\)?")
_DIFF_MARK = re.compile(r"^[+-]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pair:
    """What is asked, what answers, and how the pair came about."""

    kind: str
    query: str
    passage: str


def collect_pairs(folder: Path, seed: int = 0) -> list[Pair]:
    """The pairs of the project in `folder`, each question once, shuffled, at most `MAX_OF_KIND` of a kind."""
    chance = random.Random(seed)
    repository = open_repository(folder)
    pairs = [*_file_pairs(repository, chance), *_commit_pairs(repository, chance)]
    chance.shuffle(pairs)
    return list(_limited(pairs))


def chunk_pairs(chunk: Chunk, chance: random.Random) -> Iterator[Pair]:
    """What one chunk teaches: nothing, or one pair."""
    if chunk.kind == "doc":
        if chunk.scope and len(chunk.text) > 200:
            yield Pair("section", chunk.scope[-1], f"{chunk.span.path}\n{chunk.text[:_PASSAGE]}")
    elif chunk.symbols:
        documented = _documented(chunk)
        if documented:
            yield _doc_pair(chunk, *documented, chance)
        elif chance.random() < _NAMED:
            yield from _name_pair(chunk)


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


def _documented(chunk: Chunk) -> tuple[str, str] | None:
    """(first paragraph of the documentation, the definition without it), where there is a usable one."""
    match = _DOCSTRING.search(chunk.text) or _LEADING_COMMENT.match(chunk.text)
    if not match:
        return None
    doc = _COMMENT_MARK.sub("", match[1]).replace("*/", "").strip()
    doc = re.sub(r"\s+", " ", _DOC_END.split(doc)[0]).strip()[:_QUERY]
    body = chunk.text[: match.start()] + chunk.text[match.end() :]
    return (doc, body) if _is_prose(doc) and len(body) > 40 else None


def _is_prose(doc: str) -> bool:
    letters = sum(character.isalpha() or character == " " for character in doc)
    return 4 <= len(doc.split()) <= 70 and letters > 0.75 * len(doc) and not _NO_DOC.search(doc)


def _doc_pair(chunk: Chunk, doc: str, body: str, chance: random.Random) -> Pair:
    header = chunk.header
    if chance.random() < _NAME_REMOVED:
        header, body = chunk.span.path, body.replace(_name(chunk), "f")
    if chance.random() < _ASKED:
        doc = chance.choice(_QUESTIONS) + doc[0].lower() + doc[1:]
    return Pair("doc", doc, f"{header}\n{body[:_PASSAGE]}")


def _name_pair(chunk: Chunk) -> Iterator[Pair]:
    parts = words(_name(chunk))[:-1]
    stem = chunk.span.path.rpartition("/")[2].partition(".")[0]
    if len(parts) >= 2 and len(chunk.text) > 150:
        body = chunk.text.replace(_name(chunk), "f")
        yield Pair("name", " ".join([*parts, *words(stem)]), f"{chunk.span.path}\n{body[:_PASSAGE]}")


def _name(chunk: Chunk) -> str:
    return chunk.symbols[0].rpartition(".")[2]


def _limited(pairs: Iterable[Pair]) -> Iterator[Pair]:
    seen: set[str] = set()
    counts: dict[str, int] = defaultdict(int)
    for pair in pairs:
        question = pair.query.lower()
        if question not in seen and counts[pair.kind] < MAX_OF_KIND[pair.kind]:
            seen.add(question)
            counts[pair.kind] += 1
            yield pair
