"""A committed state of the index, held ready in memory, and questions put to it.

Takes a `Store` and an `Embedder`, returns `Hit`s. Reads the store only; never updates it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from whence_indexer import schema
from whence_indexer.collection import Collection, StoredVectors, load
from whence_indexer.edits import Edit, read_edits
from whence_indexer.embedder import Embedder
from whence_indexer.errors import DamagedError, QueryError
from whence_indexer.query import Intent, Query, parse_query
from whence_indexer.ranking import fuse, score, spread
from whence_indexer.repository import Repository
from whence_indexer.store import Store
from whence_indexer.types import KINDS, Hit, Kind

_CANDIDATES = 100  # from each side; a chunk beyond that rank on both is good by neither
_COMMON = 100  # beyond as many places a word's exact count changes no decision
_TELLING_COMMITS = 30  # best commits whose files count as evidence; from 10 to 30 made no difference
_CHUNK_COLUMNS = ["path", "start_line", "end_line", "kind", "symbols"]
# How far a commit's score counts beside a chunk's, by what is asked for.
_COMMIT_WEIGHT: dict[Intent, float] = {"history": 1.8, "definition": 0.6, "explanation": 0.75}


@dataclass(frozen=True, slots=True)
class _Found:
    """One candidate that made it: its score and its place in a collection."""

    score: float
    collection: Collection
    position: int


class Searcher:
    """Answers queries over the index of one work tree as of when it was opened."""

    def __init__(self, repository: Repository, store: Store, embedder: Embedder) -> None:
        """Load what every query needs. Raises `DamagedError` when the index was made with another embedder."""
        if store.state.embedder != embedder.name:
            raise DamagedError(f"the index was made with {store.state.embedder}, not with {embedder.name}")
        self.store, self._repository, self._embedder = store, repository, embedder
        vectors = StoredVectors.all(store)
        self._stored_chunks = load(
            store, schema.chunks_table(repository.work_tree), schema.CHUNKS, _CHUNK_COLUMNS, vectors
        )
        self._chunks, self._edits = self._stored_chunks, dict[str, Edit]()
        self._commits = load(store, schema.COMMITS_TABLE, schema.COMMITS, ["paths"], vectors)

    @property
    def nbytes(self) -> int:
        """What the opened index takes in memory: vectors, signs, columns and what words are scored by."""
        edited = self._chunks.nbytes if self._edits else 0
        return self._stored_chunks.nbytes + edited + self._commits.nbytes

    @cached_property
    def _stored_blobs(self) -> dict[str, str]:
        table = schema.files_table(self._repository.work_tree)
        if table not in self.store.state.tables:
            return {}
        rows = self.store.rows(table, ["path", "blob"])
        return dict(zip(rows["path"].to_pylist(), rows["blob"].to_pylist(), strict=True))

    def blob(self, path: str) -> str:
        """The content id of a file as it is searched; '' for one that is not indexed."""
        return self._edits[path].blob if path in self._edits else self._stored_blobs.get(path, "")

    def with_files(self, paths: Sequence[str]) -> tuple[Searcher, list[str]]:
        """A searcher that has these files as they are on disk, and those of them that differ from what this one has.

        No other file is looked at, and this searcher stays as it is.
        """
        edits = read_edits(self._repository, self._embedder, paths, self._stored_blobs)
        other = copy(self)
        other._edits = {path: edit for path, edit in self._edits.items() if path not in set(paths)} | edits
        changed = [path for path in dict.fromkeys(paths) if other.blob(path) != self.blob(path)]
        if changed:
            other._chunks = self._stored_chunks.with_edits(other._edits) if other._edits else self._stored_chunks
        return (other if changed else self), changed

    @property
    def edits(self) -> list[str]:
        """The files that are searched as they were edited since the index was written."""
        return list(self._edits)

    def search(
        self, query: Query | str, limit: int = 10, kinds: Iterable[Kind] = (), under: str | None = None
    ) -> list[Hit]:
        """The best `limit` hits, best first; `kinds` (none: all) and the folder or file `under` narrow the search.

        Raises `QueryError` for an empty or enormous question, an unknown kind, a limit below 1, or a folder with
        nothing indexed in it.
        """
        if unknown := set(kinds) - set(KINDS):
            raise QueryError(f"unknown kind {min(unknown)!r}; there are {', '.join(KINDS)}")
        if limit < 1:
            raise QueryError(f"the number of hits must be at least 1, not {limit}")
        parsed = parse_query(query) if isinstance(query, str) else query
        vector = self._embedder.embed_query(parsed.text)
        chosen = set(kinds or KINDS)
        if under is not None and kinds and chosen <= {"commit", "issue", "pull"}:
            raise QueryError("a folder narrows files only, and the kinds asked for are none")
        commits = self._search_commits(parsed, vector)
        found: list[_Found] = []
        if chosen & {"code", "doc"}:
            found += self._search_chunks(parsed, vector, limit, chosen, under, self._touched(commits))
        if "commit" in chosen and under is None:
            weight = _COMMIT_WEIGHT[parsed.intent] if len(chosen) > 1 else 1.0
            found += [replace(each, score=each.score * weight) for each in commits[:limit]]
        return self._hits(sorted(found, key=lambda each: -each.score)[:limit])

    def at(self, path: str, line: int) -> Hit | None:
        """The chunk that holds `line` of the file `path`, as a hit of score 1; None where nothing is indexed."""
        columns = self._chunks.columns
        if not len(columns):
            return None
        around = pc.and_(pc.less_equal(columns["start_line"], line), pc.greater_equal(columns["end_line"], line))
        holding = np.flatnonzero(pc.and_(pc.equal(columns["path"], path), around).to_numpy())
        return next(iter(self._hits([_Found(1.0, self._chunks, int(place)) for place in holding[:1]])), None)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `texts` by the index's own embedder, shape (n, dimension), unit length."""
        return self._embedder.embed(texts)

    def rarity(self, words: Sequence[str]) -> dict[str, float]:
        """How much each word tells, as its inverse document frequency over the chunks, counted up to a bound."""
        total = max(len(self._chunks), 1)
        return {
            word: math.log(1 + total / (1 + min(count, _COMMON)))
            for word, count in zip(words, self._chunks.words.counts(words), strict=True)
        }

    def _search_chunks(
        self,
        query: Query,
        vector: NDArray[np.float32],
        limit: int,
        kinds: set[Kind],
        under: str | None,
        touched: Mapping[str, float],
    ) -> list[_Found]:
        allowed = _allowed(self._chunks.columns, kinds, under)
        found, dense, lexical = self._candidates(self._chunks, query, vector, allowed)
        about = self._chunks.columns.select(["path", "symbols", "kind"]).take(found).to_pydict()
        scores = score(query, dense, lexical, about["path"], about["symbols"], about["kind"], touched)
        order = spread(scores, about["path"], limit)
        return [_Found(float(scores[index]), self._chunks, int(found[index])) for index in order]

    def _search_commits(self, query: Query, vector: NDArray[np.float32]) -> list[_Found]:
        """The commits that say what the question asks, best first."""
        found, dense, lexical = self._candidates(self._commits, query, vector, None)
        scores = fuse(dense, lexical)
        order = np.argsort(-scores, kind="stable")
        return [_Found(float(scores[index]), self._commits, int(found[index])) for index in order]

    def _touched(self, commits: Sequence[_Found]) -> dict[str, float]:
        """How much these commits point to each file, as a share of the file they point to most."""
        best = commits[:_TELLING_COMMITS]
        lists = self._commits.columns["paths"].take([each.position for each in best]).to_pylist() if best else []
        weights: defaultdict[str, float] = defaultdict(float)
        for each, paths in zip(best, lists, strict=True):
            for path in paths:
                weights[path] += each.score / math.sqrt(len(paths))  # a sweeping commit says little of each file
        most = max(weights.values(), default=0.0) or 1.0
        return {path: weight / most for path, weight in weights.items()}

    def _candidates(
        self, collection: Collection, query: Query, vector: NDArray[np.float32], allowed: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
        """(positions, cosines, BM25 scores) of the rows that are good by either measure; an absent score is 0."""
        scores = collection.words.scores(query.content)
        matched = _best(scores if allowed is None else np.where(allowed, scores, 0), _CANDIDATES)
        nearest, _ = collection.vectors.nearest(vector, _CANDIDATES, allowed)
        found = np.union1d(matched, nearest)
        return found, collection.vectors.cosines(vector, found), scores[found]

    def _hits(self, found: list[_Found]) -> list[Hit]:
        """What was found with its texts, each table read once."""
        chunks = [each for each in found if each.collection is self._chunks]
        commits = [each for each in found if each.collection is self._commits]
        hits = dict(zip(map(id, chunks), self._chunk_hits(chunks), strict=True))
        hits |= dict(zip(map(id, commits), self._commit_hits(commits), strict=True))
        return [hits[id(each)] for each in found]

    def _chunk_hits(self, found: list[_Found]) -> Iterator[Hit]:
        texts = self._chunks.texts(self.store, [each.position for each in found], ["text"])
        rows = self._chunks.columns.take([each.position for each in found]).to_pylist() if found else []
        for each, row, text in zip(found, rows, texts, strict=True):
            yield Hit(
                kind=row["kind"],
                score=round(each.score, 4),
                text=text["text"],
                path=row["path"],
                start_line=row["start_line"],
                end_line=row["end_line"],
                symbol=next(iter(row["symbols"]), None),
            )

    def _commit_hits(self, found: list[_Found]) -> Iterator[Hit]:
        columns = ["sha", "subject", "body", "closes", "pull"]
        rows = self._commits.texts(self.store, [each.position for each in found], columns)
        for each, row in zip(found, rows, strict=True):
            yield Hit(
                kind="commit",
                score=round(each.score, 4),
                text="\n\n".join(filter(None, (row["subject"], row["body"]))),
                commit=row["sha"],
                thread=next(iter(row["closes"]), row["pull"]),
            )


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """The places of the `count` highest scores above 0, in no order."""
    best = np.argpartition(-scores, count)[:count] if len(scores) > count else np.arange(len(scores))
    return best[scores[best] > 0]


def _allowed(columns: pa.Table, kinds: set[Kind], under: str | None) -> NDArray[np.bool_] | None:
    """Which chunks a search may return; None for all of them."""
    allowed = None
    if not {"code", "doc"} <= kinds:
        allowed = np.asarray(columns["kind"].to_numpy() == ("code" if "code" in kinds else "doc"), bool)
    if under is not None and (folder := under.strip("/").removeprefix("./")) not in {"", "."}:
        inside = [path == folder or path.startswith(folder + "/") for path in columns["path"].to_pylist()]
        if not any(inside):
            raise QueryError(f"nothing that is indexed is in {under}")
        allowed = np.array(inside, bool) if allowed is None else allowed & np.array(inside, bool)
    return allowed
