"""The text of a file -> its chunks, the only way in: along syntax, headings or cells, else in windows of lines.

Every line belongs to exactly one chunk, in order. Pure: reads no file. The size limits stand in `pieces.py`.
"""

from __future__ import annotations

from whence_indexer.languages import Language, language_of
from whence_indexer.lines import Lines, lines_of
from whence_indexer.notebook import notebook_chunks
from whence_indexer.pieces import Piece
from whence_indexer.prose import prose_pieces
from whence_indexer.syntax import syntax_pieces
from whence_indexer.types import Chunk, Span
from whence_indexer.windows import window_pieces


def chunk_file(path: str, text: str) -> list[Chunk]:
    """The chunks of the file at `path` that holds `text`; [] for an empty one.

    Joined in order their texts give `text` back, notebooks excepted. Never fails, whatever the text.
    """
    language = language_of(path, text)
    lines = lines_of(text)
    if language.layout == "notebook":
        return notebook_chunks(path, lines, _text_pieces)
    return [_chunk(path, language, lines, piece) for piece in _text_pieces(lines, language)]


def _text_pieces(lines: Lines, language: Language) -> list[Piece]:
    if language.grammar:
        return syntax_pieces(lines, language.grammar)
    if language.layout == "prose":
        return prose_pieces(lines, language.name)
    return window_pieces(lines)


def _chunk(path: str, language: Language, lines: Lines, piece: Piece) -> Chunk:
    span = Span(path, piece.first + 1, piece.last + 1)
    symbols = tuple(dict.fromkeys(piece.symbols + piece.variables))
    return Chunk(span, language.kind, language.name, lines.text(piece.first, piece.last), symbols, piece.scope)
