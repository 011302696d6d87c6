"""A Jupyter notebook -> a chunk per cell: the cell's source as text, the cell's lines of JSON as span.

Outputs and metadata are left out of the text, but their lines belong to a span: the spans cover the file exactly once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from whence_indexer.languages import Language, named_language
from whence_indexer.lines import Lines, lines_of
from whence_indexer.pieces import Piece, fits
from whence_indexer.types import Chunk, Span

TextPieces = Callable[[Lines, Language], list[Piece]]

_decode = json.JSONDecoder(strict=False).raw_decode
# What is raised by text that is not JSON, or not of the shape of a notebook.
_NO_NOTEBOOK = (ValueError, IndexError, KeyError, TypeError, AttributeError, RecursionError)
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class _Part:
    """A cell, or a part of a large one, that starts at `row` of the file."""

    row: int
    language: Language
    text: str
    symbols: tuple[str, ...]
    scope: tuple[str, ...]


def notebook_chunks(path: str, lines: Lines, text_pieces: TextPieces) -> list[Chunk]:
    """The chunks of a notebook's JSON; what is no notebook is cut into windows of lines. `text_pieces` cuts a cell."""
    try:
        parts = _parts(lines, text_pieces)
    except _NO_NOTEBOOK:
        parts = []
    if not parts:
        return _plain_chunks(path, lines, text_pieces)
    ends = [part.row for part in parts[1:]] + [len(lines)]
    starts = [0, *ends[:-1]]  # what precedes the first cell belongs to it
    return [
        Chunk(Span(path, start + 1, end), part.language.kind, part.language.name, part.text, part.symbols, part.scope)
        for part, start, end in zip(parts, starts, ends, strict=True)
    ]


def code_cells(text: str) -> list[tuple[Language, str, list[int]]]:
    """The code cells of a notebook's JSON: language, source, and for each line of it the row of the file where it
    stands. [] for what is no notebook."""
    lines, cells = lines_of(text), []
    try:
        notebook = {key: (start, value) for key, start, value in _members(text, _skip(text, 0))}
        kernel = _kernel(notebook.get("metadata", (0, {}))[1])
        for start, cell in _elements(text, notebook["cells"][0]):
            if cell["cell_type"] == "code":
                cells.append((kernel, *_source(lines, text, start)))
    except _NO_NOTEBOOK:
        return []
    return cells


def _plain_chunks(path: str, lines: Lines, text_pieces: TextPieces) -> list[Chunk]:
    return [
        Chunk(Span(path, piece.first + 1, piece.last + 1), "code", "json", lines.text(piece.first, piece.last))
        for piece in text_pieces(lines, named_language("json"))
    ]


def _parts(lines: Lines, text_pieces: TextPieces) -> list[_Part]:
    """All cells that are not empty, in order; what starts on the same line of JSON is one."""
    text = "".join(lines.rows)
    notebook = {key: (start, value) for key, start, value in _members(text, _skip(text, 0))}
    kernel = _kernel(notebook.get("metadata", (0, {}))[1])
    parts: list[_Part] = []
    for start, cell in _elements(text, notebook["cells"][0]):
        language = {"code": kernel, "markdown": named_language("markdown")}.get(
            cell["cell_type"], named_language("text")
        )
        for part in _cell_parts(lines.row_at(start), *_source(lines, text, start), language, text_pieces):
            if parts and part.row <= parts[-1].row:
                parts[-1] = _merge(parts[-1], part)
            else:
                parts.append(part)
    return parts


def _cell_parts(row: int, source: str, rows: list[int], language: Language, text_pieces: TextPieces) -> Iterator[_Part]:
    if not source.strip():
        return
    lines = lines_of(source)
    pieces = text_pieces(lines, language)
    if fits(lines, 0, len(lines) - 1):  # one chunk, whatever is in it
        scope = pieces[0].scope
        symbols = tuple(dict.fromkeys(name for piece in pieces for name in piece.symbols + piece.variables))
        yield _Part(row, language, source, symbols, scope)
        return
    for piece in pieces:
        symbols = tuple(dict.fromkeys(piece.symbols + piece.variables))
        first = rows[piece.first] if piece.first else row
        yield _Part(first, language, lines.text(piece.first, piece.last), symbols, piece.scope)


def _merge(left: _Part, right: _Part) -> _Part:
    """Two on one line; they are code when either is."""
    text = left.text + ("" if left.text.endswith("\n") else "\n") + right.text
    language = left.language if left.language.kind == "code" else right.language
    return replace(left, language=language, text=text, symbols=tuple(dict.fromkeys(left.symbols + right.symbols)))


def _source(lines: Lines, text: str, start: int) -> tuple[str, list[int]]:
    """A cell's source, and for each line of it the row of the file where it stands."""
    at, value = next(((at, value) for key, at, value in _members(text, start) if key == "source"), (start, ""))
    strings = [(at, value)] if isinstance(value, str) else list(_elements(text, at))
    source = "".join(string for _, string in strings)
    rows = [lines.row_at(at) for at, string in strings for _ in range(max(1, string.count("\n")))]
    return source, [*rows, *rows[-1:]]


def _kernel(metadata: dict[str, Any]) -> Language:
    name = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language") or "python"
    return replace(named_language(name.lower()), kind="code")


def _members(text: str, at: int) -> Iterator[tuple[str, int, Any]]:
    """The key, the value's offset and the value of each member of the JSON object at offset `at`."""
    at = _expect(text, at, "{")
    while text[at] != "}":
        key, at = _decode(text, at)
        at = _expect(text, _skip(text, at), ":")
        value, end = _decode(text, at)
        yield key, at, value
        at = _next(text, end, "}")


def _elements(text: str, at: int) -> Iterator[tuple[int, Any]]:
    """The offset and the value of each element of the JSON array at offset `at`."""
    at = _expect(text, at, "[")
    while text[at] != "]":
        value, end = _decode(text, at)
        yield at, value
        at = _next(text, end, "]")


def _next(text: str, at: int, closing: str) -> int:
    """The offset of what follows a value: the next one, or the closing bracket."""
    at = _skip(text, at)
    return at if text[at] == closing else _expect(text, at, ",")


def _expect(text: str, at: int, character: str) -> int:
    """The offset after `character` and white space. Raises `ValueError` when something else is there."""
    if text[at] != character:
        raise ValueError(f"{character} expected at offset {at}")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at
