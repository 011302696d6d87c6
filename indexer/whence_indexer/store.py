"""The LanceDB tables of one index and the words of their rows, with a single point at which a change becomes visible.

`state.json` names the version of every table, and the segments of words, that belong together. Readers open those; a
`Writer` adds new ones and replaces the file at its end, in one rename. A process killed in between leaves the old state
whole, and the next writer takes back what was half done.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from whence_indexer import schema
from whence_indexer.errors import DamagedError, NoIndexError, ReadOnlyError, StoreError
from whence_indexer.lance import connect
from whence_indexer.segments import Segment, SegmentFolder

if TYPE_CHECKING:
    from lancedb import DBConnection
    from lancedb.table import Table

_STATE = "state.json"
_WORDS = "terms"  # the column that comes with a row's words and is stored as the key of its place in the segments
_SEGMENTS = "words"  # their folder, beside the tables
_MANY = 10_000  # tables in one page of a listing: more than there ever are
_BULK = 16_000_000  # bytes of rows written at once: every write makes a file, and compaction merges them
_COMPACT_EVERY = 8  # commits at least; each leaves a version of every table it touched, some 2 kB at least
_ROWS_A_COMMIT = 4_000  # in a larger index one more commit for as many rows, which take ten times its space


@dataclass(frozen=True)
class State:
    """What `state.json` holds: which versions and segments of the tables form the index, what made them, from what.

    `adapted` names the model made from `model` that the vectors are of, where that was adapted to the repository.
    `allowed` names the list of values that redaction left. `heads` are the commits whose history is indexed; `boundary`
    says where that history was incomplete.
    """

    schema: int = schema.VERSION
    model: str = ""
    embedder: str = ""
    dimension: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    segments: dict[str, list[str]] = field(default_factory=dict)
    history: bool = True
    heads: list[str] = field(default_factory=list)
    boundary: list[str] = field(default_factory=list)
    trees: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    generation: int = 0
    uncompacted: int = 0
    adapted: str = ""
    allowed: str = ""

    @property
    def tables_folder(self) -> str:
        """Where the tables are: a rebuilt index grows beside the old one, which serves until the new is complete."""
        return f"tables-{self.generation}"


class Store:
    """Read access to one committed state of the index in `folder`."""

    def __init__(self, folder: Path, state: State | None = None) -> None:
        """Open it as of `state` (None: now). Raises `StoreError` when there is none, or it cannot be read."""
        self.folder = folder
        self.state = state or _read_state(folder)
        self._open: dict[str, Table] = {}

    @cached_property
    def _database(self) -> DBConnection:
        return _connect(self.folder / self.state.tables_folder)

    def count(self, name: str, where: str | None = None) -> int:
        """Rows of a table (those matching the SQL condition `where`); a table that was never written has none."""
        if name not in self.state.tables:
            return 0
        with _reporting(name):
            return int(self._table(name).count_rows(where))

    def rows(self, name: str, columns: Sequence[str], where: str | None = None) -> pa.Table:
        """All rows of a table (those matching the SQL condition `where`), with `_rowid` as the last column."""
        with _reporting(name):
            query = self._table(name).search().select(list(columns)).with_row_id(True)
            return (query.where(where) if where else query).to_arrow()

    def take(self, name: str, row_ids: Sequence[int], columns: Sequence[str]) -> list[dict[str, Any]]:
        """The rows with these ids, in this order."""
        if not row_ids:
            return []
        with _reporting(name):
            query = self._table(name).take_row_ids(list(row_ids)).select(list(columns)).with_row_id()
            found = {row.pop("_rowid"): row for row in query.to_arrow().to_pylist()}
        return [found[row_id] for row_id in row_ids]

    def segments(self, name: str) -> list[Segment]:
        """The words of a table's rows, each row known by its key."""
        with _reporting(name):
            folder = self.folder / self.state.tables_folder / _SEGMENTS
            return [Segment.read(folder / segment) for segment in self.state.segments.get(name, [])]

    def _table(self, name: str) -> Table:
        if name not in self._open:
            table = self._database.open_table(name)
            table.checkout(self.state.tables[name])
            self._open[name] = table
        return self._open[name]


class Writer:
    """One change of the index. The caller holds the write lock; nothing is visible before `commit`."""

    def __init__(self, folder: Path, state: State) -> None:
        """Start from `state` (`State()` for an empty index) and take back what a killed writer left behind."""
        self.folder, self.state = folder, state
        _remove_other_generations(folder, state)
        self._database = _connect(folder / state.tables_folder)
        self._tables: dict[str, Table] = {}
        self._unwritten: dict[str, list[pa.Table]] = {}
        with _reporting("the index"):
            self._segments = SegmentFolder(folder / state.tables_folder / _SEGMENTS, state.segments)
            for name in self._database.list_tables(limit=_MANY).tables:
                self._recover(name)
            if missing := state.tables.keys() - self._tables.keys():
                raise DamagedError(f"the index is damaged: {', '.join(sorted(missing))} missing")

    @cached_property
    def _rows(self) -> int:
        return sum(int(table.count_rows()) for table in self._tables.values())

    @property
    def compaction_due(self) -> bool:
        """Whether the next commit will also rewrite the tables without what has been deleted.

        That takes time in proportion to the index, so that a large one is rewritten after more commits.
        """
        waiting = self.state.uncompacted + 1
        return not self.state.tables or (waiting >= _COMPACT_EVERY and waiting * _ROWS_A_COMMIT > self._rows)

    def count(self, name: str) -> int:
        """Rows of a table, uncommitted ones included."""
        with self._written(name):
            return int(self._tables[name].count_rows()) if name in self._tables else 0

    def column(self, name: str, column: str) -> list[Any]:
        """One column of all rows, uncommitted ones included."""
        with self._written(name):
            if name not in self._tables:
                return []
            return list(self._tables[name].search().select([column]).to_arrow()[column].to_pylist())

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows; the first ones create the table. They are written when they are many or needed.

        A column of words, between spaces, is kept as postings.
        """
        if rows.num_rows:
            with _reporting(name):
                rows = self._with_words_kept(name, rows) if _WORDS in rows.column_names else rows
            unwritten = self._unwritten.setdefault(name, [])
            unwritten.append(rows)
            if sum(part.nbytes for part in unwritten) > _BULK:
                self._write(name)

    def delete(self, name: str, column: str, values: Sequence[str]) -> None:
        """Remove the rows whose `column` is one of `values`."""
        with self._written(name):
            for start in range(0, len(values) if name in self._tables else 0, 500):  # the condition is parsed as SQL
                self._tables[name].delete(is_one_of(column, values[start : start + 500]))

    def remove(self, name: str, where: str) -> None:
        """Remove the rows that match the SQL condition `where`."""
        with self._written(name):
            if name in self._tables:
                self._tables[name].delete(where)

    def forget(self, name: str) -> None:
        """Leave a table out of the next commit; the next writer deletes it."""
        self._unwritten.pop(name, None)
        self._tables.pop(name, None)
        self._segments.forget(name)

    def keep(self, name: str, column: str, values: set[bytes]) -> None:
        """Remove the rows whose `column` is none of `values`."""
        with self._written(name):
            rows = self._tables[name].to_arrow()
            kept = [value in values for value in rows[column].to_pylist()]
            self._tables[name].add(rows.filter(kept), mode="overwrite")

    def commit(self, **changes: Any) -> State:
        """Make everything written so far the index, `changes` naming the other fields of its `State`."""
        due = self.compaction_due
        for name in list(self._unwritten):
            self._write(name)
        with _reporting("the index"):
            self._segments.write()
            for name in self._tables if due else ():
                self._compact(name)
            versions = {name: int(table.version) for name, table in self._tables.items()}
            uncompacted = 0 if due else self.state.uncompacted + 1
            parts = {"tables": versions, "segments": self._segments.names, "uncompacted": uncompacted}
            self.state = State(**asdict(self.state) | changes | parts)
            _write_state(self.folder, self.state)
            if due:
                _remove_old_versions(list(self._tables.values()))
                self._segments.remove_others()
        _remove_other_generations(self.folder, self.state)
        return self.state

    @contextmanager
    def _written(self, name: str) -> Iterator[None]:
        """The table with all rows added so far, and its errors reported."""
        self._write(name)
        with _reporting(name):
            yield

    def _write(self, name: str) -> None:
        if rows := self._unwritten.pop(name, None):
            with _reporting(name):
                if name not in self._tables:
                    self._tables[name] = self._database.create_table(name, schema=rows[0].schema)
                self._tables[name].add(pa.concat_tables(rows).combine_chunks())

    def _with_words_kept(self, name: str, rows: pa.Table) -> pa.Table:
        """The rows with a key in place of their words."""
        keys = self._segments.add(name, rows[_WORDS].to_pylist())
        return rows.set_column(rows.column_names.index(_WORDS), _WORDS, pa.array(keys, pa.uint64()))

    def _compact(self, name: str) -> None:
        """Merge fragments, and segments. One call prepares work for the next: repeat until no version is added."""
        table, before = self._tables[name], None
        while before != table.version:
            before = table.version
            table.optimize()
        if name in self._segments.names:
            self._segments.merge(name, table.search().select([_WORDS]).to_arrow()[_WORDS].to_numpy())

    def _recover(self, name: str) -> None:
        if name not in self.state.tables:
            self._database.drop_table(name)
            return
        table = self._database.open_table(name)
        if table.version != self.state.tables[name]:
            table.restore(self.state.tables[name])
        self._tables[name] = table


def literal(value: str) -> str:
    """`value` as it is written in a condition."""
    return "'" + value.replace("'", "''") + "'"


def is_one_of(column: str, values: Sequence[str]) -> str:
    """The condition that selects the rows with these values."""
    return f"{column} IN ({', '.join(map(literal, values))})"


def next_generation(folder: Path) -> int:
    """A generation that has no tables yet."""
    numbers = [int(tables.name.removeprefix("tables-")) for tables in folder.glob("tables-[0-9]*")]
    return max(numbers, default=-1) + 1


def size_bytes(folder: Path) -> int:
    """What the index takes on disk; of what a writer removes meanwhile, files and folders, nothing."""
    total = 0
    for where, _, names in os.walk(folder):  # Path.rglob raises where a folder goes under its feet
        for name in names:
            with suppress(FileNotFoundError):
                total += os.stat(os.path.join(where, name)).st_size
    return total


def _read_state(folder: Path) -> State:
    try:
        state = State(**json.loads((folder / _STATE).read_text()))
    except FileNotFoundError:
        raise NoIndexError("there is no index yet; whence index makes one") from None
    except PermissionError as error:
        raise StoreError(f"no permission to read the index in {folder}") from error
    except (OSError, ValueError, TypeError) as error:
        raise DamagedError(f"the index is damaged: {_STATE} cannot be read") from error
    return state


def _write_state(folder: Path, state: State) -> None:
    draft = folder / (_STATE + ".new")
    with draft.open("w") as file:
        json.dump(asdict(state), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / _STATE)


def _connect(tables: Path) -> DBConnection:
    os.environ.setdefault("LANCE_LOG", "error")  # its warnings speak of files that are new, to a user who knows
    return connect(tables)


def _remove_other_generations(folder: Path, state: State) -> None:
    for other in folder.glob("tables-*"):
        if other.name != state.tables_folder and _committed_generation(folder) != other.name:
            shutil.rmtree(other, ignore_errors=True)


def _committed_generation(folder: Path) -> str | None:
    try:
        return _read_state(folder).tables_folder
    except StoreError:
        return None


def _remove_old_versions(tables: list[Table]) -> None:
    """Safe only when each table's newest version is the committed one, with nothing left to compact."""
    with warnings.catch_warnings():
        # It warns that readers of older versions will fail. They open the new state and ask again.
        warnings.simplefilter("ignore")
        for table in tables:
            table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)


@contextmanager
def _reporting(name: str) -> Iterator[None]:
    """LanceDB raises many types for a damaged or unwritable table; the user gets one, with the reason."""
    try:
        yield
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        text = " ".join(str(error).split())
        if "No space left" in text or "os error 28" in text:
            raise StoreError("the disk is full; the index is as it was before") from error
        if "ermission denied" in text or "os error 13" in text:
            raise ReadOnlyError("no permission to write the index") from error
        if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO}:
            raise StoreError(f"the index cannot be read: {error.strerror}") from error
        if "Invalid user input" in text:
            raise  # a wrong query of ours says nothing of the data
        raise DamagedError(f"the index is damaged ({name}): {text[:200]}") from error
