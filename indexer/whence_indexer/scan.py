"""The files themselves, searched by their words while there is no index: first answers within a second.

Reads as many files as there is time for and keeps them in memory; the files with the rarest words of a question are
chunked and ranked as chunks of an index are. Knows no commits and no threads. Writes nothing.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from whence_indexer.allowing import read_allowed
from whence_indexer.chunker import chunk_file
from whence_indexer.embedder import DEFAULT, load_embedder
from whence_indexer.errors import QueryError, RepositoryError
from whence_indexer.files import MAX_FILE_BYTES, blob_hash, list_files, read_redacted
from whence_indexer.query import Query, parse_query
from whence_indexer.ranking import score, spread
from whence_indexer.repository import Repository
from whence_indexer.terms import words
from whence_indexer.types import KINDS, Chunk, Hit, Kind, Span

if TYPE_CHECKING:
    from whence_indexer.store import Store

SECONDS = 0.5  # to read the files
_MEMORY = 64 << 20  # bytes of files held
_WORDS = 1000  # whose files are remembered
_FILES = 12  # chunked for one question
_SOUGHT = 40  # words of a text that others are to be like
_USUAL_BYTES = 10_000  # of a file: in a longer one a word tells less
_SATURATION, _LENGTH = 1.2, 0.75  # of BM25, as in `bm25`


class Scan:
    """A `Finder` of the files of a repository as they were when it was made."""

    store: Store | None = None

    def __init__(self, repository: Repository, contents: Mapping[str, str] = {}, seconds: float = SECONDS) -> None:
        """Read the files, those in `contents` as an editor shows them. `complete` says whether all could be."""
        self._repository, self._contents = repository, dict(contents)
        self._allowed, _ = read_allowed(repository)
        self._blobs = list_files(repository).files
        self._paths, self._text, self._starts = self._read(time.monotonic() + seconds)
        self.complete = len(self._paths) == len(self._blobs)
        self._held: dict[str, dict[int, int]] = {}
        self._chunks: dict[str, list[Chunk]] = {}

    def search(
        self, query: Query | str, limit: int = 10, kinds: Iterable[Kind] = (), under: str | None = None
    ) -> list[Hit]:
        """See `Searcher.search`; hits are of code and documentation alone."""
        if unknown := set(kinds) - set(KINDS):
            raise QueryError(f"unknown kind {min(unknown)!r}; there are {', '.join(KINDS)}")
        if limit < 1:
            raise QueryError(f"the number of hits must be at least 1, not {limit}")
        parsed = parse_query(query) if isinstance(query, str) else query
        wanted = set(kinds or KINDS)
        folder = "" if under is None else under.strip("/").removeprefix("./").removeprefix(".")
        if folder and not any(_is_in(path, folder) for path in self._blobs):
            raise QueryError(f"nothing that is indexed is in {under}")
        best = self._files_with(parsed.searched, folder)
        chunks = [chunk for path in best for chunk in self._chunked(path) if chunk.kind in wanted]
        if not chunks:
            return []
        lexical = _lexical(chunks, self.rarity(parsed.searched))
        dense = self._cosines(chunks, parsed.text)
        paths = [chunk.span.path for chunk in chunks]
        symbols, kinds_found = [chunk.symbols for chunk in chunks], [chunk.kind for chunk in chunks]
        scores = score(parsed, dense, lexical, paths, symbols, kinds_found)
        return [_hit(chunks[index], float(scores[index])) for index in spread(scores, paths, limit)]

    def at(self, path: str, line: int) -> Hit | None:
        """See `Searcher.at`."""
        for chunk in self._chunked(path) if path in self._blobs else ():
            if chunk.span.start_line <= line <= chunk.span.end_line:
                return _hit(chunk, 1.0)
        return None

    def defined(self, name: str) -> list[tuple[str, Span]]:
        """See `Searcher.defined`; in the files that hold most of it."""
        found = (chunk for path in self._files_with([name.lower()], "") for chunk in self._chunked(path))
        return [
            (symbol, chunk.span)
            for chunk in found
            for symbol in (chunk.symbols if chunk.kind == "code" else ())
            if symbol.rpartition(".")[2] == name
        ]

    def similar(self, text: str, limit: int, apart_from: Span) -> list[Hit]:
        """See `Searcher.similar`; among the files that share the rarest words with `text`."""
        sought = list(dict.fromkeys(words(text)))[:_SOUGHT]
        chunks = [
            chunk
            for path in self._files_with(sought, "")
            for chunk in self._chunked(path)
            if path != apart_from.path
            or chunk.span.end_line < apart_from.start_line
            or chunk.span.start_line > apart_from.end_line
        ]
        if not chunks:
            return []
        cosines = self._cosines(chunks, text)
        return [_hit(chunks[place], float(cosines[place])) for place in np.argsort(-cosines, kind="stable")[:limit]]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """By the shipped model."""
        return load_embedder(DEFAULT).embed(texts)

    def unknown(self, query: Query) -> frozenset[str]:
        """See `Searcher.unknown`; of what was not read, the history too, nothing is known."""
        asked = query.content if self.complete and query.intent != "history" else ()
        return frozenset(word for word in asked if not self._holding(word))

    def rarity(self, words: Sequence[str]) -> dict[str, float]:
        """By the files that were read."""
        total = max(len(self._paths), 1)
        return {word: math.log(1 + total / (1 + len(self._holding(word)))) for word in words}

    def blob(self, path: str) -> str:
        """See `Searcher.blob`."""
        shown = self._contents.get(path)
        return self._blobs.get(path, "") if shown is None else blob_hash(shown.encode("utf-8", "replace"))

    def unsaved(self, path: str) -> str | None:
        """See `Searcher.unsaved`."""
        return self._contents.get(path) if path in self._blobs else None

    def _cosines(self, chunks: Sequence[Chunk], text: str) -> NDArray[np.float32]:
        vectors = self.embed([f"{chunk.header}\n{chunk.text}" for chunk in chunks])
        cosines: NDArray[np.float32] = vectors @ self.embed([text])[0]
        return cosines

    def _read(self, deadline: float) -> tuple[list[str], bytes, NDArray[np.int64]]:
        """(paths, all in lower case, where each begins), its path before it: shallow ones first, which say most."""
        paths: list[str] = []
        texts: list[bytes] = []
        size = 0
        for path in sorted(self._blobs, key=lambda path: path.count("/")):
            if time.monotonic() > deadline or size > _MEMORY:
                break
            paths.append(path)
            texts.append(f"{path}\n".lower().encode("utf-8", "replace") + self._bytes(path).lower() + b"\0")
            size += len(texts[-1])
        return paths, b"".join(texts), np.cumsum([0, *map(len, texts)])

    def _bytes(self, path: str) -> bytes:
        if path in self._contents:
            return self._contents[path].encode("utf-8", "replace")
        try:
            with (self._repository.root / path).open("rb") as file:
                return file.read(MAX_FILE_BYTES)
        except OSError:
            return b""

    def _holding(self, word: str) -> dict[int, int]:
        """The files, by their place, that hold `word`, also as a part of a longer one, and how often."""
        if word not in self._held:
            if len(self._held) > _WORDS:
                self._held.clear()
            files = np.searchsorted(self._starts, list(_places(self._text, word)), "right") - 1
            self._held[word] = dict(zip(*(each.tolist() for each in np.unique(files, return_counts=True)), strict=True))
        return self._held[word]

    def _files_with(self, sought: Sequence[str], folder: str) -> list[str]:
        """The files that hold most of what is sought, rare words first, and short files before long ones."""
        sizes = np.diff(self._starts)
        scores: dict[int, float] = {}
        for word in sought:
            holding = self._holding(word)
            weight = math.log(1 + len(self._paths) / (1 + len(holding)))
            for place, count in holding.items():
                gain = weight * count / (count + 1 + float(sizes[place]) / _USUAL_BYTES)
                scores[place] = scores.get(place, 0.0) + gain
        best = (self._paths[place] for place in sorted(scores, key=lambda place: -scores[place]))
        return list(islice((path for path in best if not folder or _is_in(path, folder)), _FILES))

    def _chunked(self, path: str) -> list[Chunk]:
        if path not in self._chunks:
            try:
                redacted, _ = read_redacted(
                    self._repository, path, self._blobs[path], self._allowed, self._contents.get(path)
                )
            except (OSError, RepositoryError):
                redacted = None
            self._chunks[path] = chunk_file(path, redacted.text) if redacted else []
        return self._chunks[path]


def _places(text: bytes, word: str) -> Iterator[int]:
    sought = word.encode("utf-8", "replace")
    place = text.find(sought)
    while place >= 0:
        yield place
        place = text.find(sought, place + max(len(sought), 1))


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _lexical(chunks: Sequence[Chunk], rarity: Mapping[str, float]) -> NDArray[np.float32]:
    """BM25 of each chunk, among these chunks."""
    bags = [Counter(words(chunk.text)) for chunk in chunks]
    lengths = [bag.total() for bag in bags]
    mean = max(sum(lengths) / len(lengths), 1.0)
    scores = np.zeros(len(chunks), np.float32)
    for place, (bag, length) in enumerate(zip(bags, lengths, strict=True)):
        norm = _SATURATION * (1 - _LENGTH + _LENGTH * length / mean)
        scores[place] = sum(weight * bag[word] / (bag[word] + norm) for word, weight in rarity.items() if bag[word])
    return scores


def _hit(chunk: Chunk, value: float) -> Hit:
    span = chunk.span
    return Hit(
        kind=chunk.kind,
        score=round(value, 4),
        text=chunk.text,
        path=span.path,
        start_line=span.start_line,
        end_line=span.end_line,
        symbol=next(iter(chunk.symbols), None),
    )
