"""A made-up repository, and a made-up index, of realistic size: the same for the same seed, on any machine.

Names and prose follow a Zipf distribution, as words of real projects do, so that common words are in most chunks.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path

from whence_indexer import rows, schema
from whence_indexer.embedder import DEFAULT, load_embedder
from whence_indexer.repository import Repository
from whence_indexer.store import State, Writer
from whence_indexer.types import Chunk, Commit, Span

FILES, COMMITS = 1_000, 10_000  # of twelve public projects the median has 15 commits and 7 kB a file
_FUNCTIONS_PER_FILE = 12
_FILES_PER_COMMIT = 3  # at most
_FREQUENT = "the of a to is and in self for it as return that be with not on this value by name if or an from".split()
_INDEX_COMMITS, _BATCH = 2_000, 10_000  # beside an index's chunks; rows written at once
_VOCABULARY = 6_000
_START = 1_400_000_000  # seconds of the first commit's date


class Author:
    """Writes source text and questions from one seeded source of chance."""

    def __init__(self, seed: int = 7) -> None:
        """Start at `seed`."""
        self.chance = random.Random(seed)
        made = ("".join(self.chance.choices(_SYLLABLES, k=self.chance.randint(2, 4))) for _ in range(_VOCABULARY))
        self._words = [*_FREQUENT, *dict.fromkeys(made)]
        self._weights = list(accumulate(1 / (rank + 2) for rank in range(len(self._words))))

    def words(self, count: int) -> list[str]:
        """`count` words as frequent as in prose."""
        return self.chance.choices(self._words, cum_weights=self._weights, k=count)

    def name(self) -> str:
        """An identifier of rarer words."""
        return "_".join(self.chance.choices(self._words[len(_FREQUENT) :], k=2))

    def function(self) -> str:
        """A definition of some fifteen lines, with its docstring."""
        name, first, second = self.name(), self.name(), self.name()
        prose = " ".join(self.words(14))
        lines = [f"def {name}(self, {first}, {second}=None):", f'    """{prose.capitalize()}."""']
        for _ in range(self.chance.randint(4, 16)):
            a, b, c = self.words(3)
            lines.append(f"    {a}_{b} = {first}.{c}({second}, {self.chance.randint(0, 99)})")
        return "\n".join([*lines, f"    return {first}", "", "", ""])

    def question(self) -> str:
        """A question of eight to twelve words, half of them naming something."""
        named = f" {self.name()}" if self.chance.random() < 0.5 else ""
        return f"how does{named} {' '.join(self.words(self.chance.randint(6, 10)))}?"


_SYLLABLES = [consonant + vowel for consonant in "bcdfghjklmnprstvw" for vowel in ("a", "e", "i", "o", "u", "er", "an")]


def make_chunks(author: Author, count: int) -> Iterator[Chunk]:
    """`count` chunks of one definition each."""
    line = 1
    for number in range(count):
        text = author.function()
        line = 1 if number % _FUNCTIONS_PER_FILE == 0 else line
        end = line + text.count("\n") - 1
        path = f"src/part{number // 600}/module{number // _FUNCTIONS_PER_FILE}.py"
        yield Chunk(Span(path, line, end), "code", "python", text, (text[4 : text.index("(")],))
        line = end + 1


def make_commits(author: Author, count: int) -> Iterator[Commit]:
    """`count` commits without hunks."""
    for number in range(count):
        subject, body = _message(author, number)
        yield Commit(f"{number:040x}", (), "A. Writer", "2014-05-13T00:00:00+00:00", subject, body)


def fill_index(repository: Repository, author: Author, count: int) -> None:
    """Make an index of `count` generated chunks and some commits, as an indexing run would."""
    embedder, chunks = load_embedder(), make_chunks(author, count)
    repository.index_dir.mkdir()
    writer = Writer(
        repository.index_dir, State(model=DEFAULT, embedder=embedder.name, dimension=embedder.dimension, history=False)
    )

    def embed(texts: list[str]) -> list[bytes]:
        digests = [rows.digest(text) for text in texts]
        writer.append(schema.VECTORS_TABLE, rows.vector_rows(digests, embedder.embed(texts)))
        return digests

    while batch := list(islice(chunks, _BATCH)):
        digests = embed([rows.chunk_text(chunk) for chunk in batch])
        writer.append(schema.chunks_table(repository.work_tree), rows.chunk_rows(batch, digests))
    commits = list(make_commits(author, _INDEX_COMMITS))
    digests = embed([rows.commit_text(commit) for commit in commits])
    writer.append(schema.COMMITS_TABLE, rows.commit_rows(commits, digests, None))
    writer.commit(trees={repository.work_tree: {"head": None, "root": str(repository.root), "indexed_at": 0}})


def make_repository(folder: Path, files: int = FILES, commits: int = COMMITS) -> None:
    """Fill the new folder with a repository: all files in the first commit, then small changes to a few of them."""
    _git(folder.parent, "init", "--quiet", "--initial-branch=main", str(folder))
    importer = subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE)
    assert importer.stdin is not None
    for block in _history(Author(), files, commits):
        importer.stdin.write(block)
    importer.stdin.close()
    if importer.wait():
        raise RuntimeError("git fast-import failed")
    _git(folder, "reset", "--quiet", "--hard", "main")


def _history(author: Author, files: int, commits: int) -> Iterator[bytes]:
    contents = {
        f"src/part{number // 50}/{author.name()}_{number}.py": [author.function() for _ in range(_FUNCTIONS_PER_FILE)]
        for number in range(files)
    }
    paths = list(contents)
    yield _commit(author, 0)
    yield from (_file(path, contents[path]) for path in paths)
    for number in range(1, commits):
        yield _commit(author, number)
        for path in author.chance.sample(paths, author.chance.randint(1, _FILES_PER_COMMIT)):
            contents[path][author.chance.randrange(_FUNCTIONS_PER_FILE)] = author.function()
            yield _file(path, contents[path])


def _commit(author: Author, number: int) -> bytes:
    message = "\n\n".join(_message(author, number)).encode()
    who = f"A. Writer <writer@example.org> {_START + number * 3_600} +0000"
    return f"commit refs/heads/main\ncommitter {who}\ndata {len(message)}\n".encode() + message


def _message(author: Author, number: int) -> tuple[str, str]:
    subject, body = " ".join(author.words(7)).capitalize(), " ".join(author.words(30)).capitalize()
    return f"{subject} (#{number})", f"{body}.\n"


def _file(path: str, functions: list[str]) -> bytes:
    data = "".join(functions).encode()
    return f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
