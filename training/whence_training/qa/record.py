"""A question with its answer and where that stands: the record that every stage hands on, and its JSON.

Values only. The hash is of what is asked, shown and answered; the split and the verdicts are said about it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from whence_indexer.types import Hit, Kind
from whence_server.passages import Passage
from whence_training.errors import InputError

Category = Literal["code", "docs", "history", "discussion", "general"]
QuestionType = Literal["what", "why", "where", "when", "who", "how", "compare", "explain"]
Difficulty = Literal["easy", "medium", "hard"]
Split = Literal["train", "validation", "test"]
CATEGORIES: tuple[Category, ...] = get_args(Category)
TYPES: tuple[QuestionType, ...] = get_args(QuestionType)
SPLITS: tuple[Split, ...] = get_args(Split)
Grade = tuple[QuestionType, Difficulty]


@dataclass(frozen=True)
class Evidence:
    """What an answer may be taken from, as the prompt shows it: lines of a file, of a commit or of a thread.

    `start_line` counts in the file, or in what was said.
    """

    kind: Kind
    text: str
    path: str | None = None
    start_line: int = 1
    symbol: str | None = None
    commit: str | None = None
    date: str | None = None
    thread: int | None = None

    @property
    def end_line(self) -> int:
        """The last line of it."""
        return self.start_line + self.text.count("\n")

    @property
    def place(self) -> str:
        """Where it is from: `path:1-2`, `commit sha` or `issue #3`; the same for the same source."""
        if self.path is not None:
            return f"{self.path}:{self.start_line}-{self.end_line}"
        return f"commit {self.commit}" if self.commit is not None else f"{self.kind} #{self.thread}"

    @property
    def source(self) -> str:
        """What it is a part of: a file, a commit or a thread."""
        return self.path if self.path is not None else self.place

    def passage(self) -> Passage:
        """It as the server's prompt takes it."""
        hit = Hit(
            kind=self.kind,
            score=1.0,
            text=self.text,
            path=self.path,
            start_line=self.start_line,
            end_line=self.end_line,
            symbol=self.symbol,
            commit=self.commit,
            thread=self.thread,
            date=self.date,
        )
        return Passage(hit, self.start_line, self.text)


@dataclass(frozen=True)
class Quote:
    """Words of the evidence, unchanged, that bear the answer out; `evidence` counts from 0."""

    evidence: int
    text: str


@dataclass(frozen=True)
class Verdict:
    """What a validator said: `why` it failed, or "", and a score between 0 and 1 where it has one."""

    validator: str
    ok: bool
    why: str = ""
    score: float | None = None


@dataclass(frozen=True)
class Record:
    """A question, the evidence it is asked over, and its answer; an unanswerable one has no quotes.

    `group` names what may not be split; `author` and `date` are those of the source, where it has any.
    """

    category: Category
    type: QuestionType
    difficulty: Difficulty
    question: str
    answer: str
    context: tuple[Evidence, ...]
    quotes: tuple[Quote, ...]
    generator: str
    group: str
    author: str = ""
    date: str = ""
    answerable: bool = True
    split: Split | None = None
    verdicts: tuple[Verdict, ...] = field(default=())

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all of it but the split and the verdicts."""
        shown = [[e.kind, e.text, e.path, e.start_line, e.symbol, e.commit, e.date, e.thread] for e in self.context]
        quotes = [[quote.evidence, quote.text] for quote in self.quotes]
        grade = [self.category, self.type, self.difficulty, self.generator, self.answerable]
        told = [self.question, self.answer, self.group, self.author, self.date]
        return hashlib.sha256(canonical([*grade, *told, shown, quotes]).encode()).hexdigest()

    @property
    def id(self) -> str:
        """The beginning of the hash."""
        return self.hash[:16]

    @property
    def origin(self) -> list[Evidence]:
        """The evidence that is quoted from; of an unanswerable question that which was shown."""
        quoted = {quote.evidence for quote in self.quotes}
        return [each for number, each in enumerate(self.context) if number in quoted or not quoted]

    @property
    def ok(self) -> bool:
        """Whether no validator refused it."""
        return all(verdict.ok for verdict in self.verdicts)


def canonical(value: object) -> str:
    """JSON with one form for one value."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def to_json(record: Record) -> dict[str, Any]:
    """The record as an object of JSON, its id, hash and origin told besides."""
    origin = [
        {
            "path": each.path,
            "start_line": each.start_line if each.path else None,
            "end_line": each.end_line if each.path else None,
            "commit": each.commit,
            "thread": each.thread,
        }
        for each in record.origin
    ]
    return {"id": record.id, "hash": record.hash, "origin": origin, **asdict(record)}


def from_json(held: Mapping[str, Any]) -> Record:
    """The record of such an object. Raises `ValueError`, `KeyError` or `TypeError` where it is none, or was altered."""
    fields = {key: value for key, value in held.items() if key not in {"id", "hash", "origin"}}
    fields["context"] = tuple(Evidence(**each) for each in fields["context"])
    fields["quotes"] = tuple(Quote(**each) for each in fields["quotes"])
    fields["verdicts"] = tuple(Verdict(**each) for each in fields.get("verdicts", ()))
    record = Record(**fields)
    if held.get("hash", record.hash) != record.hash:
        raise ValueError("its hash is not that of its content")
    return record


def dump(records: Iterable[Record]) -> str:
    """JSON lines."""
    return "".join(canonical(to_json(record)) + "\n" for record in records)


def read_records(file: Path) -> list[Record]:
    """The records of a file of JSON lines. Raises `InputError` naming the first line that is none."""
    try:
        lines = file.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    return [_parsed(line, f"{file.name} line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def with_answer(record: Record, answer: str, quotes: Sequence[Quote]) -> Record:
    """The record with another answer, to be judged anew."""
    return replace(record, answer=answer, quotes=tuple(quotes), verdicts=())


def _parsed(line: str, where: str) -> Record:
    try:
        return from_json(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where} is no record: {error}") from error
