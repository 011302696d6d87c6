"""A made-up repository of realistic size: the same for the same seed, on any machine.

Names and prose follow a Zipf distribution, as words of real projects do, so that common words are in most chunks.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

FILES, COMMITS = 1_000, 10_000  # of twelve public projects the median has 15 commits and 7 kB a file
_FUNCTIONS_PER_FILE = 12
_FILES_PER_COMMIT = 3  # at most
_FREQUENT = "the of a to is and in self for it as return that be with not on this value by name if or an from".split()
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
