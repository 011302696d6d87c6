"""An answer -> what it names: symbols, paths, commits and threads; and which of these are nowhere.

Pure. Held against the evidence, the question and an `Inventory` of the repository. That a class has a method which
only another one has is not seen: names are known one by one.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from whence_indexer.terms import identifiers_of
from whence_server.generation.prompt import place
from whence_server.passages import Passage
from whence_training.qa.collecting import Collected

NameKind = Literal["symbol", "path", "commit", "thread"]
NAME_KINDS: tuple[NameKind, ...] = get_args(NameKind)

_URL = re.compile(r"\b[a-z]+://\S+")
_CODE = re.compile(r"`([^`\n]+)`")
_PATH = re.compile(r"(?<![\w./-])(?:[\w.@+-]+/)*[\w@+-][\w.@+-]*\.[A-Za-z]\w{0,9}(?![\w/-]|\.\w)")
_FOLDER = re.compile(r"\.?/?(?:[\w.@+-]+/)+[\w.@+-]*$")
_COMMIT = re.compile(r"(?<![\w#/.-])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}(?![\w/-]|\.\w)")
_THREAD = re.compile(r"(?<![\w&])#(\d{1,7})\b")
_NAME = re.compile(r"\b\w*[a-z0-9](?:_\w+|[A-Z]\w*)\b|\b[A-Z]+_\w+\b")
_SUFFIX = re.compile(
    r"\.(?:py|pyi|pyx|rs|go|js|jsx|ts|tsx|mjs|java|kt|kts|c|h|cc|cpp|hpp|cs|rb|php|swift|scala|ex|exs|hs|lua|sh|zig|sql"
    r"|md|rst|txt|adoc|toml|yaml|yml|json|cfg|ini|lock|html|css|xml|gradle|mk|in)$",
    re.IGNORECASE,
)
_LEAST = 3  # letters of a name that could be told from a word of code


@dataclass(frozen=True, slots=True)
class Name:
    """Something that an answer names, as it stands there."""

    kind: NameKind
    text: str


@dataclass(frozen=True)
class Inventory:
    """What there is in a repository: identifiers, paths of now and of its history, commits in order, threads."""

    identifiers: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    commits: tuple[str, ...] = ()
    threads: frozenset[str] = frozenset()


def inventory_of(collected: Collected) -> Inventory:
    """The inventory of what stage 1 took from the index."""
    texts = [file.text for file in collected.files]
    texts += [f"{change.subject}\n{change.body}" for change in collected.changes]
    for thread in collected.threads:
        texts += [f"{thread.title}\n{thread.body}", *(comment.body for comment in thread.comments)]
    paths = {file.path for file in collected.files} | {path for each in collected.changes for path in each.paths}
    numbers = {str(thread.number) for thread in collected.threads}
    return Inventory(
        identifiers=frozenset(_identifiers([*texts, *paths])),
        paths=frozenset(paths),
        commits=tuple(sorted(change.sha for change in collected.changes)),
        threads=frozenset(numbers.union(*(_THREAD.findall(text) for text in texts))),
    )


def names_in(answer: str) -> list[Name]:
    """What an answer names, each once: all names in backquotes, and outside of them what cannot be another word."""
    text = _URL.sub(" ", answer)
    spans = _CODE.findall(text)
    found = [name for span in spans for name in _in_code(span)] + list(_in_prose(_CODE.sub(" ", text)))
    return list(dict.fromkeys(found))


def invented(names: Iterable[Name], question: str, passages: Sequence[Passage], inventory: Inventory) -> list[Name]:
    """Those of `names` that are neither asked about, nor in the evidence, nor in the repository."""
    shown = "\n".join([question, *(f"{place(passage)}\n{passage.quote}" for passage in passages)])
    identifiers = _identifiers([shown])
    return [name for name in names if not _is_known(name, shown, identifiers, inventory)]


def _is_known(name: Name, shown: str, identifiers: set[str], inventory: Inventory) -> bool:
    text = name.text
    if name.kind == "symbol":
        return text in identifiers or text in inventory.identifiers
    if name.kind == "thread":
        return text in inventory.threads or f"#{text}" in shown
    if text in shown:
        return True
    if name.kind == "path":
        wanted = text.removeprefix("./").strip("/")
        return any(f"/{wanted}/" in f"/{path}/" for path in inventory.paths)
    # An abbreviation in the evidence and a full id in the answer begin alike, and the other way round.
    return text[:10] in shown or _begins_one(text, inventory.commits)


def _begins_one(sha: str, commits: Sequence[str]) -> bool:
    at = bisect_left(commits, sha)
    return at < len(commits) and commits[at].startswith(sha)


def _in_code(span: str) -> Iterator[Name]:
    """What a span of code names; in it every identifier is meant to exist."""
    text = re.sub(r":\d+(?:-\d+)?$", "", span.strip())
    if (_PATH.fullmatch(text) and _SUFFIX.search(text)) or _FOLDER.match(text):
        yield Name("path", text)
    elif _COMMIT.fullmatch(text):
        yield Name("commit", text)
    else:
        yield from (Name("thread", number) for number in _THREAD.findall(text))
        yield from (Name("symbol", word) for word in identifiers_of(text) if _is_name(word))


def _in_prose(text: str) -> Iterator[Name]:
    for match in _PATH.finditer(text):
        if _SUFFIX.search(match[0]):
            yield Name("path", match[0])
    text = _PATH.sub(lambda match: " " if _SUFFIX.search(match[0]) else match[0], text)
    yield from (Name("commit", sha) for sha in _COMMIT.findall(text))
    yield from (Name("thread", number) for number in _THREAD.findall(text))
    yield from (Name("symbol", word) for word in _NAME.findall(_COMMIT.sub(" ", text)) if _is_name(word))


def _is_name(word: str) -> bool:
    return len(word) >= _LEAST and not word[0].isdigit()


def _identifiers(texts: Iterable[str]) -> set[str]:
    return {word for text in texts for word in identifiers_of(text)}
