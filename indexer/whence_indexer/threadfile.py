"""Threads in a file: one JSON object a line, as docs/threads.md describes, compressed when its name ends with `.gz`.

Reading reports a bad line by its number and goes on; writing replaces a file only once the new one is complete.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from whence_indexer.errors import TrackerError
from whence_indexer.records import RecordError, record_of, thread_of
from whence_indexer.threads import Cursor, Page, Thread, ThreadKind
from whence_indexer.types import Problem

# A thread of two thousand long comments is some 10 MB. What is longer is not read into memory.
MAX_LINE_BYTES = 1 << 26
_PAGE_LINES = 500
_PAGE_BYTES = 1 << 23
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class ThreadFile:
    """A `Source` that is a file. Of a number that comes twice the last counts; nothing is read a second time."""

    path: Path

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    def pages(self, cursor: Cursor | None, say: Callable[[str], None]) -> Iterator[Page]:
        """The file's threads some hundred at a time. Raises `TrackerError` when it cannot be read."""
        try:
            digest = _digest(self.path)
            with _opened(self.path) as file:
                yield from _pages(file, digest, cursor or {}, self.name, say)
        except (OSError, EOFError, zlib.error) as error:  # gzip's complaints are of all three kinds
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            raise TrackerError(f"{self.name} cannot be read: {reason}") from error


def write_threads(threads: Iterable[Thread], path: Path) -> int:
    """Write `threads` into a file in the schema of docs/threads.md; returns how many. Raises `TrackerError`."""
    count, unfinished = 0, path.with_name(f"{path.name}.part")
    try:
        try:
            with gzip.open(unfinished, "wb") if path.suffix == ".gz" else unfinished.open("wb") as file:
                for thread in threads:
                    file.write(json.dumps(record_of(thread), ensure_ascii=False).encode() + b"\n")
                    count += 1
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise TrackerError(f"{path} cannot be written: {error.strerror or error}") from error
    return count


@dataclass
class _Reading:
    """A page being filled, and where each thread of the file was met first."""

    where: str
    threads: dict[tuple[ThreadKind, int], Thread] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    met: dict[tuple[ThreadKind, int], int] = field(default_factory=dict)

    def take(self, line: bytes, number: int) -> None:
        def complain(what: str) -> None:
            self.problems.append(Problem(f"{self.where}:{number}", what))

        try:
            thread = _thread(line, complain)
        except RecordError as error:
            complain(str(error))
            return
        if thread.key in self.met:
            complain(f"{thread.kind} {thread.number} was on line {self.met[thread.key]} already; this one counts")
        self.met[thread.key] = number
        self.threads[thread.key] = thread

    def page(self, cursor: Cursor) -> Page:
        threads, problems = tuple(self.threads.values()), tuple(self.problems)
        self.threads.clear()
        self.problems.clear()
        return Page(cursor, threads, problems=problems, whole=True)


def _pages(
    file: BinaryIO | gzip.GzipFile, digest: str, cursor: Cursor, where: str, say: Callable[[str], None]
) -> Iterator[Page]:
    start, number = _position(cursor, digest)
    end = file.seek(start)
    reading, begun = _Reading(where), start
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            end += len(line) + _skip_line(file)
            line = b""
            reading.problems.append(Problem(f"{where}:{number}", f"longer than {MAX_LINE_BYTES >> 20} MiB"))
        else:
            end += len(line)
        if number == 1:
            line = _without_mark(line, where)
        if line.strip():
            reading.take(line, number)
        if end - begun >= _PAGE_BYTES or number % _PAGE_LINES == 0:
            yield reading.page({"file": digest, "offset": end, "line": number})
            say(f"{number} lines of {where}")
            begun = end
    if end > begun or not start:
        yield reading.page({"file": digest, "offset": end, "line": number})


def _thread(line: bytes, complain: Callable[[str], None]) -> Thread:
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise RecordError("not UTF-8") from error
    except json.JSONDecodeError as error:
        raise RecordError(f"not JSON: {error.msg} at column {error.colno}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets thousands deep
        raise RecordError("not JSON that can be read") from error
    return thread_of(record, complain)


def _position(cursor: Cursor, digest: str) -> tuple[int, int]:
    """(byte, lines before it) to go on from; the beginning when the file has changed."""
    match cursor:
        case {"file": known, "offset": int(offset), "line": int(line)} if known == digest:
            return offset, line
    return 0, 0


def _skip_line(file: BinaryIO | gzip.GzipFile) -> int:
    """Read to the end of the line; returns how many bytes that was."""
    skipped = 0
    while part := file.readline(1 << 20):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped


def _without_mark(line: bytes, where: str) -> bytes:
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise TrackerError(f"{where} is UTF-16: save it as UTF-8")
    return line.removeprefix(_BOM)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(path: Path) -> BinaryIO | gzip.GzipFile:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
