"""Names -> where they are defined, by the outline that cuts files into chunks: definitions with their comments.

Takes a text, or a repository and a name; returns `Definition`s. Asks git for files that hold the name, and no index.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError, SlowError, SourceError
from whence_indexer.files import read_text, reason_by_name
from whence_indexer.languages import language_of
from whence_indexer.lines import lines_of
from whence_indexer.notebook import code_cells
from whence_indexer.outline import Unit, tree_of, units_of
from whence_indexer.repository import Repository
from whence_indexer.source import Source, find_source
from whence_indexer.types import Span

_SECONDS = 10.0  # to look through the files that hold a name, of which a common word has thousands
_LISTED = 12  # definitions named where there are several
_NEAR = 2  # lines between overloads, or a property and its setter, that are asked about as one
_SCOPE = re.compile(r"::|#|->|\\")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition: its name with its scopes, joined by dots, and its lines, the comments above it included.

    `more` are the other places in the file that define it: a type stands apart from its `impl`.
    """

    symbol: str
    place: Span
    more: tuple[Span, ...] = ()

    @property
    def places(self) -> tuple[Span, ...]:
        """All of it, in order."""
        return (self.place, *self.more)

    @property
    def name(self) -> str:
        """The name without its scopes."""
        return self.symbol.rpartition(".")[2]


def definitions_in(path: str, text: str) -> list[Definition]:
    """All definitions of a file, those in others too, in order; [] for a language without a grammar here.

    Those of a notebook are in its cells. Of a conflict that is not resolved the first side is taken.
    """
    text = _one_side(text)
    cells = code_cells(text) if path.endswith(".ipynb") else [(language_of(path, text), text, None)]
    found = []
    for language, source, rows in cells:
        if language.grammar is not None and source:
            for symbol, first, last in _walk(units_of(tree_of(lines_of(source), language.grammar))):
                first, last = (rows[first], rows[last]) if rows else (first, last)
                found.append(Definition(symbol, Span(path, first + 1, last + 1)))
    return found


def definition_in(path: str, text: str, symbol: str) -> Definition:
    """The definition of `symbol` (`Cart.add`, `Cart::add` or `add`) in a file.

    What a file says of one name in several places is one. Raises `SourceError` where there is none, or there are
    several with such an ending.
    """
    return _only(_matching(definitions_in(path, text), symbol), symbol, f" in {path}")


def find_definition(repository: Repository, symbol: str) -> Definition:
    """The only definition of `symbol` in the tracked files as they are now.

    Raises `SourceError` where there is none, where there are several, which it names, and where too many files hold it.
    """
    return _only(find_definitions(repository, symbol), symbol, "")


def locate(repository: Repository, symbol: str, path: str | None = None) -> tuple[Source, Definition]:
    """The definition of `symbol`, in `path` or wherever it is, with its file. Raises `SourceError` as `find_source`."""
    definition = None if path else find_definition(repository, symbol)
    source = find_source(repository, definition.place.path if definition else path or "", 1, 1)
    return source, definition or definition_in(source.path, source.text, symbol)


def find_definitions(repository: Repository, symbol: str, seconds: float = _SECONDS) -> list[Definition]:
    """All definitions of `symbol` in the tracked files as they are now.

    Raises `SourceError` where it takes longer than `seconds` to look through all files that hold the name.
    """
    found: list[Definition] = []
    deadline = time.monotonic() + seconds
    try:
        for path in _files_with(repository, symbol, seconds):
            if time.monotonic() > deadline:
                raise SlowError
            found += _matching(definitions_in(path, _text(repository, path)), symbol)
    except SlowError:
        raise SourceError(f"{symbol} stands in too many files; say in which one: PATH#{symbol}") from None
    return found


def _one_side(text: str) -> str:
    """`text` with empty lines in place of a conflict's marks and of all of its sides but the first."""
    if "<<<<<<< " not in text:
        return text
    lines, side = [], 0
    for line in text.split("\n"):
        mark, before = line[:7], side
        if mark == "<<<<<<<" and not side:
            side = 1
        elif side and mark in ("|||||||", "======="):
            side = 2
        elif side and mark == ">>>>>>>":
            side = 0
        lines.append("" if side == 2 or side != before else line)
    return text if side else "\n".join(lines)  # what does not end is no conflict


def _walk(units: Iterable[Unit]) -> Iterator[tuple[str, int, int]]:
    for unit in units:
        for name in dict.fromkeys([*unit.symbols, *unit.variables]):
            yield name, unit.first, unit.last
        yield from _walk(unit.members)


def _matching(definitions: Sequence[Definition], symbol: str) -> list[Definition]:
    """Those of this very name, or else those that end with it."""
    wanted = _SCOPE.sub(".", symbol)
    exact = [each for each in definitions if each.symbol == wanted]
    return exact or [each for each in definitions if each.symbol.endswith(f".{wanted}")]


def _only(found: Sequence[Definition], symbol: str, where: str) -> Definition:
    places: dict[tuple[str, str], list[Definition]] = {}
    for each in _joined(found):
        places.setdefault((each.place.path, each.symbol), []).append(each)
    together = [replace(first, more=tuple(each.place for each in more)) for first, *more in places.values()]
    if not together:
        raise SourceError(f"nothing named {symbol} is defined{where or ' in the files that git tracks'}")
    if len(together) > 1:
        named = [f"{each.place.path}#{each.symbol}" for each in together]
        more = f" and {len(named) - _LISTED:,} more" if len(named) > _LISTED else ""
        raise SourceError(
            f"{symbol} is defined {len(named):,} times{where}; say which: {', '.join(named[:_LISTED])}{more}"
        )
    return together[0]


def _joined(definitions: Sequence[Definition]) -> Iterator[Definition]:
    """Definitions of one name that follow one another as one."""
    current: Definition | None = None
    for each in definitions:
        place = current.place if current else None
        same = (
            current is not None and place is not None and (current.symbol, place.path) == (each.symbol, each.place.path)
        )
        if current and place and same and each.place.start_line <= place.end_line + 1 + _NEAR:
            last = max(place.end_line, each.place.end_line)
            current = Definition(each.symbol, Span(place.path, place.start_line, last))
            continue
        if current:
            yield current
        current = each
    if current:
        yield current


def _files_with(repository: Repository, symbol: str, seconds: float) -> list[str]:
    """The tracked files that hold the name as a word, but for those that are left out by their own name."""
    words = _WORD.findall(symbol)
    tree = [repository.head] if repository.bare and repository.head else []
    arguments = ["grep", "-l", "-z", "-I", "-w", "-F", "-e", words[-1] if words else symbol, *tree, "--"]
    try:
        output = plumbing.run(repository.root, *arguments, seconds=seconds)
    except SlowError:
        raise
    except RepositoryError:  # git fails where nothing is found, and says nothing
        return []
    names = output.decode("utf-8", "surrogateescape").split("\0")[:-1]
    paths = [name.removeprefix(f"{tree[0]}:") if tree else name for name in names]
    return [path for path in paths if not reason_by_name(path)]


def _text(repository: Repository, path: str) -> str:
    try:
        return read_text(repository, path, f"{repository.head}:{path}")[0] or ""
    except (OSError, RepositoryError):  # gone since, or missing in a partial clone
        return ""
