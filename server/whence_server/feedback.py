"""What people say of answers, kept beside the index: JSON lines of question, evidence, answer and model.

Only on this machine, and only what `docs/protocol.md` names. Free text is redacted before it is kept.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args
from uuid import uuid4

from filelock import FileLock, Timeout

from whence_indexer.errors import QueryError, StoreError
from whence_indexer.redaction import redact
from whence_server.types import Answer

FILE = "feedback.jsonl"
Verdict = Literal["up", "down", "correction", "note"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_PATIENCE = 5.0  # seconds for another process to end its line
_LONGEST = 20_000  # characters of a correction or a note
_ANSWER = re.compile(r"[0-9a-f]{12}")  # the id of an answer


@dataclass(frozen=True, slots=True)
class Feedback:
    """One opinion. `text` is the corrected answer, or the note; `evidence` are the answer's citations."""

    id: str
    at: str
    verdict: Verdict
    question: str
    answer: str
    evidence: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    model: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None


def give(
    folder: Path, verdict: str, question: str, answer: Answer, text: str | None = None, *, of: str = ""
) -> tuple[Feedback, Feedback | None]:
    """Keep an opinion of `answer` in the index at `folder`; returns it, and what it replaces.

    That is the earlier one of the answer with the id `of`; a note is no opinion, and stays beside it.
    Raises `QueryError` where it cannot be kept.
    """
    if verdict not in VERDICTS:
        raise QueryError(f"there is no verdict {verdict!r}; there are {', '.join(VERDICTS)}")
    if verdict in {"correction", "note"} and not (text or "").strip():
        raise QueryError(f"a {verdict} needs a text")
    given = Feedback(
        id=of if verdict != "note" and _ANSWER.fullmatch(of) else uuid4().hex[:12],
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        verdict=verdict,
        question=redact(question).text,
        answer=redact(answer.text).text,
        evidence=[asdict(replace(each, quote=redact(each.quote).text)) for each in answer.citations],
        model=asdict(answer.model),
        text=_checked(text) if text else None,
    )
    with _alone(folder, "kept"):
        held = {each.id: each for each in read_feedback(folder)}
        replaced = held.pop(given.id, None)
        if replaced:
            _rewrite(folder, [*held.values(), given])
        else:
            _append(folder, given)
    return given, replaced


def read_feedback(folder: Path) -> list[Feedback]:
    """All of it, oldest first. A line that cannot be read, such as a half-written last one, is passed over."""
    return list(_read(folder / FILE))


def delete_feedback(folder: Path, identifier: str) -> None:
    """Forget one of them, or all where it is 'all'. Raises `QueryError` where there is none of that name."""
    if identifier == "all" and not (folder / FILE).exists():
        return
    with _alone(folder, "deleted"):
        held = read_feedback(folder)
        kept = [each for each in held if identifier not in {each.id, "all"}]
        if identifier != "all" and len(kept) == len(held):
            raise QueryError(f"there is no feedback {identifier!r}")
        _rewrite(folder, kept)


def fix_feedback(folder: Path, identifier: str, text: str) -> Feedback:
    """Give one of them another text: what was a thumb becomes a correction, and a note stays one.

    Raises `QueryError` where there is none of that name, or no text.
    """
    if not text.strip():
        raise QueryError("a correction needs a text")
    text = _checked(text)
    with _alone(folder, "changed"):
        held = {each.id: each for each in read_feedback(folder)}
        if (found := held.get(identifier)) is None:
            raise QueryError(f"there is no feedback {identifier!r}")
        fixed = replace(found, verdict="note" if found.verdict == "note" else "correction", text=text)
        _rewrite(folder, (held | {identifier: fixed}).values())
    return fixed


def _checked(text: str) -> str:
    if len(text) > _LONGEST:
        raise QueryError(f"a text of feedback has at most {_LONGEST:,} characters")
    return redact(text).text


def _rewrite(folder: Path, kept: Iterable[Feedback]) -> None:
    """All of it anew, in one step: a process killed meanwhile leaves what was there before."""
    draft = folder / f"{FILE}.new"
    with draft.open("w", encoding="utf-8") as file:
        file.writelines(map(_line, kept))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / FILE)


def _append(folder: Path, given: Feedback) -> None:
    with (folder / FILE).open("ab+") as file:
        if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
            file.write(b"\n")  # what a killed process left is one broken line, not two
        file.write(_line(given).encode())
        file.flush()
        os.fsync(file.fileno())


def _read(file: Path) -> Iterator[Feedback]:
    names = {each.name for each in fields(Feedback)}
    try:
        lines = file.read_bytes().split(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(f"the feedback cannot be read: {error.strerror}") from error
    for line in lines:
        try:
            held = json.loads(line)
            yield Feedback(**{key: value for key, value in held.items() if key in names})
        except (ValueError, TypeError, AttributeError):
            continue


def _line(given: Feedback) -> str:
    return json.dumps(asdict(given)) + "\n"


@contextmanager
def _alone(folder: Path, done: str) -> Iterator[None]:
    """As the only one who writes there. Raises `StoreError`, with what was to be `done`, where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "feedback.lock", timeout=_PATIENCE):
            yield
    except Timeout as error:
        raise StoreError(f"the feedback cannot be {done}: another process is writing it") from error
    except OSError as error:
        raise StoreError(f"the feedback cannot be {done}: {error.strerror or error}") from error
