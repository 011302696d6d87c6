"""The questions that were asked and how they were answered, kept beside the index where the user wants that.

Only with `WHENCE_KEEP_QUESTIONS=1`, only on this machine, redacted: JSON lines that `whence-train --stage 7` reads.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from whence_indexer.redaction import redact
from whence_server.types import Answer

FILE, _OLDER = "questions.jsonl", "questions.old.jsonl"
_SWITCH = "WHENCE_KEEP_QUESTIONS"
_LARGEST = 1 << 23  # bytes, after which a new file is begun; the one before it is kept


@dataclass(frozen=True, slots=True)
class Entry:
    """A question and what came of it; `model` is NAME or NAME@VERSION, `cited` how many citations, `at` ISO 8601."""

    at: str
    question: str
    model: str
    confidence: float
    abstained: bool
    cited: int
    seconds: float


def keep_question(folder: Path, question: str, answer: Answer) -> None:
    """Write it down in the index at `folder`, if the user wants that. What cannot be written is not."""
    if os.environ.get(_SWITCH, "").strip().lower() not in ("1", "true", "yes"):
        return
    by = answer.model
    entry = Entry(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        question=redact(question).text,
        model=f"{by.name}@{by.version}" if by.version else by.name,
        confidence=answer.confidence,
        abstained=answer.abstained,
        cited=len(answer.citations),
        seconds=answer.timings.total,
    )
    with suppress(OSError):  # an answer is worth more than its place in a statistic
        file = folder / FILE
        if file.exists() and file.stat().st_size > _LARGEST:
            file.replace(folder / _OLDER)
        with file.open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(asdict(entry)) + "\n")


def read_questions(folder: Path) -> list[Entry]:
    """All of them, oldest first. A line that cannot be read, such as a half-written last one, is passed over."""
    return [entry for name in (_OLDER, FILE) for entry in _read(folder / name)]


def _read(file: Path) -> Iterator[Entry]:
    names = {each.name for each in fields(Entry)}
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, TypeError, AttributeError):
            yield Entry(**{key: value for key, value in json.loads(line).items() if key in names})
