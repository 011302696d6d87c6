"""A committed state of the index, held ready in memory, and questions put to it.

Takes a `Store` and an `Embedder`, returns `Hit`s. Reads the store only; never updates it.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Collection as Container
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
from whence_indexer.errors import DamagedError, PeriodError, QueryError
from whence_indexer.graph import Graph, arrivals
from whence_indexer.periods import commits_within, concerns
from whence_indexer.pickaxe import find_changes
from whence_indexer.query import Intent, Query, parse_query
from whence_indexer.ranking import fuse, score, spread
from whence_indexer.repository import Repository
from whence_indexer.store import Store
from whence_indexer.types import KINDS, Hit, Kind, Span

_CANDIDATES = 100  # from each side; a chunk beyond that rank on both is good by neither
_COMMON = 100  # beyond as many places a word's exact count changes no decision
_TELLING_COMMITS = 30  # best commits whose files count as evidence; from 10 to 30 made no difference
_TELLING_THREADS = 5  # best issues and pull requests whose commits count beside them
_CHANGING_COMMITS = 5  # that added or removed a name of the question
_CHANGING = 1.5  # their score, above what any message and, by its weight in a question of history, any chunk can have
_BESIDE = 50  # chunks looked at besides those shown: a long selection meets many itself
_SPAN_COLUMNS = ["path", "start_line", "end_line"]
_NAMED = 5.0  # the score of what is asked for by its number or id
_CHUNK_COLUMNS = ["path", "start_line", "end_line", "kind", "symbols"]
# How far a commit's score counts beside a chunk's, by what is asked for.
_COMMIT_WEIGHT: dict[Intent, float] = {"history": 1.8, "definition": 0.6, "explanation": 0.75}
# The same for what was said in an issue or pull request, of which there are more, and longer ones.
_THREAD_WEIGHT: dict[Intent, float] = {"history": 1.7, "definition": 0.5, "explanation": 0.7}


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
        self._unsaved: dict[str, str] = {}
        self._commits = load(store, schema.COMMITS_TABLE, schema.COMMITS, ["paths", "sha"], vectors)
        self._threads = load(store, schema.THREADS_TABLE, schema.THREADS, ["kind", "number", "part"], vectors)

    @property
    def nbytes(self) -> int:
        """What the opened index takes in memory: vectors, signs, columns and what words are scored by."""
        edited = self._chunks.nbytes if self._edits else 0
        return self._stored_chunks.nbytes + edited + self._commits.nbytes + self._threads.nbytes

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

    def unsaved(self, path: str) -> str | None:
        """The text of a file that is searched as an editor shows it; None for one that is searched as it was saved."""
        return self._unsaved.get(path)

    @property
    def unsaved_texts(self) -> Mapping[str, str]:
        """Those of all such files, by path."""
        return self._unsaved

    def with_files(self, paths: Sequence[str], contents: Mapping[str, str] = {}) -> tuple[Searcher, list[str]]:
        """A searcher that has these files as they are on disk, and those of them that differ from what this one has.

        `contents` are those of files that an editor shows other than they are on disk. No other file is looked at, and
        this searcher stays as it is.
        """
        edits = read_edits(self._repository, self._embedder, paths, self._stored_blobs, contents)
        other = copy(self)
        kept = {path: text for path, text in self._unsaved.items() if path not in set(paths)}
        other._unsaved = kept | {path: contents[path] for path in paths if path in contents}
        other._edits = {path: edit for path, edit in self._edits.items() if path not in set(paths)} | edits
        changed = [path for path in dict.fromkeys(paths) if other.blob(path) != self.blob(path)]
        if changed:
            other._chunks = self._stored_chunks.with_edits(other._edits) if other._edits else self._stored_chunks
        return (other if changed or other._unsaved != self._unsaved else self), changed

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
        vector = self._embedder.embed_query(parsed.timeless or parsed.text)
        chosen = set(kinds or KINDS)
        if under is not None and kinds and chosen <= {"commit", "issue", "pull"}:
            raise QueryError("a folder narrows files only, and the kinds asked for are none")
        within = self._within(parsed)
        commits = self._changing(parsed, self._search_commits(parsed, vector, within), within)
        asks_threads = bool(chosen & {"issue", "pull"}) and under is None
        threads = self._search_threads(parsed, vector, chosen) if len(self._threads) else []
        found: list[_Found] = []
        if chosen & {"code", "doc"}:
            touched = self._touched(commits, self._fixing(threads))
            found += self._search_chunks(parsed, vector, limit, chosen, under, touched, within)
        if "commit" in chosen and under is None:
            if within is not None and parsed.intent != "definition":
                most = limit if chosen == {"commit"} else (limit + 1) // 2
                commits = self._touching(parsed, vector, commits, within)[:most]
            weight = _COMMIT_WEIGHT[parsed.intent] if len(chosen) > 1 else 1.0
            found += [replace(each, score=each.score * weight) for each in commits[:limit]]
        if asks_threads:
            weight = _THREAD_WEIGHT[parsed.intent] if chosen - {"issue", "pull"} else 1.0
            found += [replace(each, score=each.score * weight) for each in threads]
        return self._hits(sorted(found, key=lambda each: -each.score)[:limit])

    def at(self, path: str, line: int) -> Hit | None:
        """The chunk that holds `line` of the file `path`, as a hit of score 1; None where nothing is indexed."""
        columns = self._chunks.columns
        if not len(columns):
            return None
        around = pc.and_(pc.less_equal(columns["start_line"], line), pc.greater_equal(columns["end_line"], line))
        holding = np.flatnonzero(pc.and_(pc.equal(columns["path"], path), around).to_numpy())
        return next(iter(self._hits([_Found(1.0, self._chunks, int(place)) for place in holding[:1]])), None)

    def defined(self, name: str) -> list[tuple[str, Span]]:
        """Every definition called `name`, whatever its scope: its whole name, and the lines of the chunk it is in.

        From memory alone, in a millisecond. A chunk may define more; the file tells which line it is.
        """
        found = self._chunks.symbols.find(name)
        about = self._chunks.columns.select(_SPAN_COLUMNS).take([row for row, _ in found]).to_pylist() if found else []
        spans = [Span(row["path"], row["start_line"], row["end_line"]) for row in about]
        return [(whole, span) for (_, whole), span in zip(found, spans, strict=True)]

    def similar(self, text: str, limit: int, apart_from: Span) -> list[Hit]:
        """The code nearest in meaning to `text`, best first, scored by its cosine; none that `apart_from` meets."""
        code = _allowed(self._chunks.columns, {"code"}, None)
        rows, cosines = self._chunks.vectors.nearest(self._embedder.embed_query(text), limit + _BESIDE, code)
        order = np.argsort(-cosines, kind="stable")
        about = self._chunks.columns.select(_SPAN_COLUMNS).take(rows[order]).to_pylist()
        found = [
            _Found(float(cosines[index]), self._chunks, int(rows[index]))
            for index, row in zip(order, about, strict=True)
            if row["path"] != apart_from.path
            or row["end_line"] < apart_from.start_line
            or row["start_line"] > apart_from.end_line
        ]
        return self._hits(found[:limit])

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `texts` by the index's own embedder, shape (n, dimension), unit length."""
        return self._embedder.embed(texts)

    def unknown(self, query: Query) -> frozenset[str]:
        """The words of the question that no chunk holds; nor, where history is asked for, a commit or thread."""
        asked = [self._chunks, *([self._commits, self._threads] if query.intent == "history" else [])]
        counts = [each.words.counts(query.content) for each in asked if len(each)]
        held = np.sum(np.array(counts, np.int64).reshape(len(counts), len(query.content)), axis=0)
        return frozenset(word for word, count in zip(query.content, held.tolist(), strict=True) if not count)

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
        within: Container[str] | None = None,
    ) -> list[_Found]:
        allowed = _allowed(self._chunks.columns, kinds, under)
        if within is not None and query.intent != "definition":
            paths = self._paths_of(within)
            changed = np.array([path in paths for path in self._chunks.columns["path"].to_pylist()], bool)
            allowed = changed if allowed is None else allowed & changed
        found, dense, lexical = self._candidates(self._chunks, query, vector, allowed)
        about = self._chunks.columns.select(["path", "symbols", "kind"]).take(found).to_pydict()
        scores = score(query, dense, lexical, about["path"], about["symbols"], about["kind"], touched)
        order = spread(scores, about["path"], limit)
        return [_Found(float(scores[index]), self._chunks, int(found[index])) for index in order]

    def _within(self, query: Query) -> dict[str, int] | None:
        """The commits of the question's period, each with its place, newest first; None for all there are.

        A period that means nothing here narrows nothing: who shows the hits says so (see `periods.complaint`).
        """
        if not query.period or not len(self._commits) or not concerns(self._repository, query.period):
            return None
        try:
            return {sha: place for place, sha in enumerate(commits_within(self._repository, query.period))}
        except PeriodError:
            return None

    def _paths_of(self, within: Container[str]) -> set[str]:
        """The files that these commits touched."""
        columns = self._commits.columns
        rows = zip(columns["sha"].to_pylist(), columns["paths"].to_pylist(), strict=True)
        return {path for sha, paths in rows if sha in within for path in paths}

    def _touching(
        self, query: Query, vector: NDArray[np.float32], commits: list[_Found], within: Mapping[str, int]
    ) -> list[_Found]:
        """The commits, first those of a period that touched the file that the question is about, newest first."""
        path = ""
        if query.topic:
            about = replace(query, words=query.topic, intent="explanation")
            best = self._search_chunks(about, vector, 1, {"code"}, None, {}, within)
            path = self._chunks.columns["path"][best[0].position].as_py() if best else ""
            if not path:
                return commits
        columns = self._commits.columns
        rows = enumerate(zip(columns["sha"].to_pylist(), columns["paths"].to_pylist(), strict=True))
        places = [(within[sha], place) for place, (sha, paths) in rows if sha in within and (path in paths or not path)]
        first = [place for _, place in sorted(places)]
        above = [_Found(_CHANGING - rank / 1000, self._commits, place) for rank, place in enumerate(first)]
        return [*above, *(each for each in commits if each.position not in set(first))]

    def _search_commits(self, query: Query, vector: NDArray[np.float32], within: Container[str] | None) -> list[_Found]:
        """The commits of a period that say what the question asks, best first."""
        allowed = None
        if within is not None:
            allowed = np.array([sha in within for sha in self._commits.columns["sha"].to_pylist()], bool)
        found, dense, lexical = self._candidates(self._commits, query, vector, allowed)
        scores = fuse(dense, lexical)
        order = np.argsort(-scores, kind="stable")
        named = self._named_commits(query)
        said = [_Found(float(scores[index]), self._commits, int(found[index])) for index in order]
        above = [_Found(_NAMED, self._commits, place) for place in named]
        return [*above, *(each for each in said if each.position not in named)]

    def _named_commits(self, query: Query) -> list[int]:
        """The places of the commits that the question names by their ids."""
        shas = self._commits.columns["sha"]
        return [place for each in query.commits for place in np.flatnonzero(pc.starts_with(shas, each)).tolist()]

    def _search_threads(self, query: Query, vector: NDArray[np.float32], kinds: set[Kind]) -> list[_Found]:
        """The issues and pull requests in which what the question asks was said, best first, each by its best part."""
        about = self._threads.columns
        allowed = None
        if len(kinds & {"issue", "pull"}) == 1:
            allowed = np.asarray(about["kind"].to_numpy() == ("issue" if "issue" in kinds else "pull"), bool)
        found, dense, lexical = self._candidates(self._threads, query, vector, allowed)
        scores = fuse(dense, lexical)
        best: dict[tuple[str, int], _Found] = {}
        for place in self._named_threads(query):
            if allowed is None or allowed[place]:
                row = about.slice(place, 1).to_pylist()[0]
                best[row["kind"], row["number"]] = _Found(_NAMED, self._threads, place)
        for index in np.argsort(-scores, kind="stable"):
            row = about.slice(int(found[index]), 1).to_pylist()[0]
            best.setdefault(
                (row["kind"], row["number"]), _Found(float(scores[index]), self._threads, int(found[index]))
            )
        return list(best.values())

    def _named_threads(self, query: Query) -> list[int]:
        """The places of the threads that the question names by number."""
        if not query.threads:
            return []
        about = self._threads.columns
        named = pc.and_(
            pc.is_in(about["number"], pa.array(query.threads, about["number"].type)), pc.equal(about["part"], 0)
        )
        return np.flatnonzero(named.to_numpy()).tolist()

    def _changing(self, query: Query, commits: list[_Found], within: Container[str] | None) -> list[_Found]:
        """The commits, first those that changed the names of the question as it says they were."""
        if not (query.change and query.names and commits) or query.asks_why:
            return commits
        shas = self._commits.columns["sha"].to_pylist()
        places = {sha: place for place, sha in enumerate(shas)}
        changed = find_changes(self.store, query.names, query.change, _CHANGING_COMMITS, within)
        first = [places[each.sha] for each in changed if each.sha in places]
        above = [_Found(_CHANGING - rank / 100, self._commits, place) for rank, place in enumerate(first)]
        return [*above, *(each for each in commits if each.position not in first)]

    @cached_property
    def _graph(self) -> Graph:
        columns = ["sha", "parents", "threads", "closes", "pull"]
        rows = self.store.rows(schema.COMMITS_TABLE, columns) if len(self._commits) else schema.COMMITS.empty_table()
        shas = rows["sha"].to_pylist()
        parents, threads, closes, pulls = (dict(zip(shas, rows[name].to_pylist(), strict=True)) for name in columns[1:])
        if len(self._threads):
            known = self.store.rows(schema.THREADS_TABLE, ["number", "about"], "part = 0").to_pylist()
            merged = {json.loads(row["about"]).get("merge_commit"): row["number"] for row in known}
            pulls |= {sha: number for sha, number in merged.items() if sha in pulls and not pulls[sha]}
        return Graph(threads, closes, pulls, arrivals(parents, self.store.state.heads))

    @cached_property
    def _commits_of(self) -> dict[int, list[int]]:
        """The places of the commits of each thread."""
        places = {sha: place for place, sha in enumerate(self._commits.columns["sha"].to_pylist())}
        return {number: [places[sha] for sha in commits] for number, commits in self._graph.commits_of().items()}

    def _fixing(self, threads: Sequence[_Found]) -> list[_Found]:
        """The commits of the best threads, each as good as its thread; of many that name one, none tells much."""
        found = []
        for each in threads[:_TELLING_THREADS]:
            number = self._threads.columns["number"][each.position].as_py()
            places = self._commits_of.get(number, [])
            found += [_Found(each.score / len(places), self._commits, place) for place in places]
        return found

    def _touched(self, commits: Sequence[_Found], fixing: Sequence[_Found] = ()) -> dict[str, float]:
        """How much these commits point to each file, as a share of the file they point to most."""
        best = [*commits[:_TELLING_COMMITS], *fixing]
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
        scores = collection.words.scores(query.searched)
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
        threads = [each for each in found if each.collection is self._threads]
        hits |= dict(zip(map(id, threads), self._thread_hits(threads), strict=True))
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
        columns = ["sha", "subject", "body", "author", "date"]
        rows = self._commits.texts(self.store, [each.position for each in found], columns)
        for each, row in zip(found, rows, strict=True):
            yield Hit(
                kind="commit",
                score=round(each.score, 4),
                text="\n\n".join(filter(None, (row["subject"], row["body"]))),
                commit=row["sha"],
                thread=self._graph.thread_of(row["sha"]),
                url=self._repository.commit_url(row["sha"]),
                author=row["author"],
                date=row["date"],
            )

    def _thread_hits(self, found: list[_Found]) -> Iterator[Hit]:
        columns = ["kind", "number", "part", "title", "text", "url"]
        rows = self._threads.texts(self.store, [each.position for each in found], columns)
        for each, row in zip(found, rows, strict=True):
            said = [row["text"]] if row["part"] else [row["title"], row["text"]]
            text = "\n\n".join(filter(None, said))
            url = row["url"] or None
            yield Hit(kind=row["kind"], score=round(each.score, 4), text=text, thread=row["number"], url=url)


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
