"""A project -> pairs of what a person would ask and the text that answers, for contrastive training.

Six kinds: documentation -> the definition without it, comment -> the code after it, name in words -> the definition
without its name, heading -> its section, prose that mentions one definition -> that definition, commit message -> the
hunks of a file it changed. The passage looks as it will in the index. Pure given the folder: one seed, no state.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from whence_indexer.chunker import chunk_file
from whence_indexer.comments import clean, is_prose
from whence_indexer.errors import WhenceError
from whence_indexer.files import list_files, read_text
from whence_indexer.history import read_commits
from whence_indexer.pairs import PASSAGE, QUERY, Pair, changed_lines, chunk_pairs, definition_name, place_pair
from whence_indexer.repository import Repository, open_repository
from whence_indexer.types import Chunk, Commit
from whence_training.sources import excluded

MAX_FILES = 2_500  # of one project, drawn at random: no project may drown the others
MAX_COMMITS = 3_500
MAX_OF_KIND = {"doc": 4_000, "name": 1_500, "section": 1_500, "commit": 2_500, "comment": 1_500, "mention": 800}
_MENTIONED = re.compile(r"`{1,2}\.?([A-Za-z_][\w.:#]*)(?:\(\))?`{1,2}")
_NO_REASON = re.compile(r"bump|release|version|merge|update change|chore|prepare|changelog|revert", re.IGNORECASE)
_NO_TRAILER = re.compile(r"[\w-]+-by:|\*")
_THREAD = re.compile(r"\(?(?:fix(?:es|ed)?|closes?)?\s*(?:GH-|#)\d+\)?:?", re.IGNORECASE)


def collect_pairs(folder: Path, seed: int = 0, history: bool = True) -> list[Pair]:
    """The pairs of the project in `folder`, each question once, shuffled, at most `MAX_OF_KIND` of a kind.

    Without `history` the folder is an installed package, read as it lies there.
    """
    chance = random.Random(seed)
    repository = open_repository(folder) if history else Repository(folder)
    pairs = [*_file_pairs(repository, chance, "" if history else f"{folder.name}/")]
    if history and repository.head is not None:
        pairs += _commit_pairs(repository, chance)
    chance.shuffle(pairs)
    return list(_limited(pairs))


def _file_pairs(repository: Repository, chance: random.Random, above: str) -> Iterator[Pair]:
    definitions: dict[str, list[Chunk]] = defaultdict(list)
    paragraphs: list[str] = []
    for chunk in _chunks(repository, chance, above):
        yield from chunk_pairs(chunk, chance)
        if chunk.kind == "doc":
            paragraphs += re.split(r"\n\s*\n", chunk.text)[:6]
        elif chunk.symbols:
            definitions[definition_name(chunk)].append(chunk)
    yield from _mention_pairs(paragraphs, definitions)


def _chunks(repository: Repository, chance: random.Random, above: str) -> Iterator[Chunk]:
    files = [(path, blob) for path, blob in list_files(repository).files.items() if not excluded(path)]
    chance.shuffle(files)
    for path, blob in files[:MAX_FILES]:
        try:
            text, _ = read_text(repository, path, blob)
        except (OSError, WhenceError):
            continue  # a partial clone lacks some contents
        yield from chunk_file(above + path, text or "")


def _mention_pairs(paragraphs: Iterable[str], definitions: dict[str, list[Chunk]]) -> Iterator[Pair]:
    """Paragraphs that name in code marks what is defined in one place only."""
    for paragraph in paragraphs:
        names = (re.split(r"[.:#]", found)[-1] for found in _MENTIONED.findall(paragraph))
        defined = next(
            (definitions[name] for name in names if len(name) > 3 and len(definitions.get(name, ())) == 1), ()
        )
        query = clean(paragraph)
        if defined and len(query.split()) >= 8 and is_prose(query):
            yield place_pair("mention", query, defined[0].header, defined[0].text, defined[0])


def _commit_pairs(repository: Repository, chance: random.Random) -> Iterator[Pair]:
    for commit in read_commits(repository, "HEAD", "--no-merges", f"--max-count={MAX_COMMITS}"):
        yield from _commit_pair(commit, chance)


def _commit_pair(commit: Commit, chance: random.Random) -> Iterator[Pair]:
    hunks = [hunk for hunk in commit.hunks[:12] if not excluded(hunk.path) and not _NO_REASON.search(hunk.path)]
    if not hunks or len(commit.paths) > 10 or _NO_REASON.match(commit.subject):
        return
    body = commit.body.partition("\n\n")[0][:250]
    told = (
        f"{commit.subject}. {body}"
        if body and not _NO_TRAILER.match(body) and chance.random() < 0.4
        else commit.subject
    )
    query = _THREAD.sub("", told).strip(" .:")
    path = chance.choice(hunks).path
    texts = [f"{hunk.section}\n{changed_lines(hunk.text)}" for hunk in hunks if hunk.path == path][:3]
    if len(query.split()) >= 3 and sum(map(len, texts)) >= 60:
        yield Pair("commit", query[:QUERY], f"{path}\n{''.join(texts)}"[:PASSAGE], commit.sha)


def _limited(pairs: Iterable[Pair]) -> Iterator[Pair]:
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    for pair in pairs:
        question = pair.query.lower()
        if question not in seen and counts[pair.kind] < MAX_OF_KIND[pair.kind]:
            seen.add(question)
            counts[pair.kind] += 1
            yield pair
