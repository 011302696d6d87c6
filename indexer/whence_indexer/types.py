"""The indexer's vocabulary: frozen values that travel between its modules and to the server.

Standard library only. Nothing here reads a file, opens a store or knows how a value came to be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["code", "doc", "commit", "issue", "pull"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ChangeKind = Literal["added", "changed", "moved"]


@dataclass(frozen=True, slots=True)
class Span:
    """Lines of one file: `path` relative to the repository root with `/`, lines 1-based, both ends included."""

    path: str
    start_line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole lines of one file, small enough to embed and to quote.

    `text` is exactly the lines of `span`, line endings kept, so that the chunks of a file joined in order give the
    file back (notebooks excepted: there it is the cell's source). `symbols` are the qualified names defined in it,
    the main one first; `scope` names what encloses it, outermost first.
    """

    span: Span
    kind: Kind
    language: str
    text: str
    symbols: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()

    @property
    def header(self) -> str:
        """The line that places the chunk for a reader and for the embedder: `path > scope > symbol`."""
        return " > ".join((self.span.path, *self.scope, *self.symbols[:1]))


@dataclass(frozen=True, slots=True)
class Hunk:
    """One changed place of one file in a commit.

    Line ranges are (first, count) before and after, as in git's `@@ -old +new @@`; `section` is the enclosing
    definition that git names there; `text` holds the changed lines with their `-` or `+`, clipped when very long.
    """

    path: str
    old_path: str
    old_lines: tuple[int, int]
    new_lines: tuple[int, int]
    section: str
    text: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """What was taken out before anything was stored: its kind and where it stood. Never what it was.

    In a file: its `path` and the `line`. In the history: the `commit`, and the `path` unless it was in the message. In
    an issue or pull request: the number of the `thread`.
    """

    kind: str
    path: str | None = None
    line: int | None = None
    commit: str | None = None
    thread: int | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the history, without anybody's e-mail address. `date` is the author's, ISO 8601."""

    sha: str
    parents: tuple[str, ...]
    author: str
    date: str
    subject: str
    body: str
    paths: tuple[str, ...] = ()
    hunks: tuple[Hunk, ...] = ()
    redactions: tuple[Redaction, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """A mention of an issue or pull request: `pull` when the text says that it is one, `closes` when it says so."""

    number: int
    pull: bool = False
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be indexed, by name, and why; it did not stop the run."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result. Chunk hits have a path and lines; commit hits a commit and the thread it closes or came by.

    Hits of kind issue or pull have a thread; `url` is where its tracker shows what was said, or the host the commit.
    `author` and `date` (ISO 8601) are those of a commit, or of what was said in the thread of one.
    """

    kind: Kind
    score: float
    text: str
    path: str | None = None
    start_line: int | None = None
    end_line: int | None = None
    symbol: str | None = None
    commit: str | None = None
    thread: int | None = None
    url: str | None = None
    author: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A receipt: the quoted lines of a file, or the quoted words of a commit or thread, checked before it is shown."""

    id: int
    kind: Kind
    quote: str
    path: str | None = None
    start_line: int | None = None
    end_line: int | None = None
    commit: str | None = None
    thread: int | None = None
    url: str | None = None
