"""Threads as plain records, the one door through which anything from outside becomes a `Thread`.

Takes what `json.loads` gave, in the schema of docs/threads.md, checks every field and cleans every text. Every importer
turns its tracker's answers into such records first (`at`, `page_of`). `record_of` is the way back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TypeVar, get_args

from whence_indexer.references import MAX_NUMBER
from whence_indexer.threads import Comment, CommentKind, Page, Thread, ThreadKind, ThreadState, Verdict
from whence_indexer.types import Problem

_SHA = re.compile(r"[0-9a-f]{7,64}\Z")
# Line feed and tab are the only control characters of a plain text; half a surrogate pair is no character at all.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_Choice = TypeVar("_Choice")
_Type = TypeVar("_Type")
_NAMES: dict[type, str] = {str: "text", list: "a list", bool: "true or false"}


class RecordError(ValueError):
    """A record cannot be used; its text says what is wrong with it, without quoting it."""


def thread_of(record: object, complain: Callable[[str], None]) -> Thread:
    """The thread of a record. Raises `RecordError`; `complain` hears why a comment was left out."""
    fields = _fields(record)
    kind: ThreadKind = _choice(fields, "kind", ThreadKind, "issue")
    return Thread(
        number=_number(fields, "number", required=True) or 0,
        kind=kind,
        title=" ".join(_text(fields, "title", required=True).split()),
        body=_text(fields, "body"),
        state=_choice(fields, "state", ThreadState, "open"),
        labels=tuple(plain(_checked("labels", label, str)) for label in _checked("labels", fields.get("labels"), list)),
        author=_author(fields),
        created=_date(fields, "created"),
        updated=_date(fields, "updated"),
        closed=_date(fields, "closed"),
        url=_url(fields),
        merge_commit=_commit(fields, "merge_commit"),
        comments=_comments(fields, complain),
        derived=bool(_checked("derived", fields.get("derived"), bool)),
    )


def comment_of(record: object) -> Comment:
    """The comment of a record. Raises `RecordError`."""
    fields = _fields(record)
    return Comment(
        author=_author(fields),
        date=_date(fields, "date"),
        body=_text(fields, "body"),
        url=_url(fields),
        kind=_choice(fields, "kind", CommentKind, "comment"),
        state=_verdict(fields),
        path=_text(fields, "path") or None,
        line=_number(fields, "line"),
        commit=_commit(fields, "commit"),
    )


def record_of(thread: Thread) -> dict[str, Any]:
    """The record of a thread: only what it has, in the order of docs/threads.md."""
    fields = asdict(thread)
    fields["labels"] = list(thread.labels)
    fields["comments"] = [_present(comment) for comment in fields["comments"]]
    return _present(fields)


def page_of(
    where: str, shape: Callable[[Any], dict[str, Any]], threads: Iterable[Any] = (), comments: Iterable[Any] = ()
) -> Page:
    """A tracker's answers as a page, still without a cursor; what is nonsense becomes a problem.

    `shape` makes the record of each; that of a comment has its thread's number as `thread`.
    """
    made: list[Thread] = []
    said: list[tuple[int, Comment]] = []
    problems: list[Problem] = []
    for item in threads:
        record = shape(item)
        place = shown(str(record.get("url") or where))
        complaints: list[str] = []
        try:
            made.append(thread_of(record, complaints.append))
        except RecordError as error:
            complaints.append(f"answered nonsense: {error}")
        problems += [Problem(place, complaint) for complaint in complaints]
    for item in comments:
        record = shape(item)
        try:
            said.append((_number(record, "thread", required=True) or 0, comment_of(record)))
        except RecordError as error:
            problems.append(Problem(shown(str(record.get("url") or where)), f"answered nonsense: {error}"))
    return Page({}, tuple(made), tuple(said), tuple(problems))


def at(item: Any, *path: str) -> Any:
    """What is at `path` inside nested objects; None where there is no such thing."""
    for name in path:
        item = item.get(name) if isinstance(item, dict) else None
    return item


def shown(address: str) -> str:
    """`address` as a message may name it: without user information, query or what stands for a port and is none.

    Each of these may be a token.
    """
    scheme, mark, rest = address.partition("://") if "://" in address else ("", "", address)
    place = re.split("[?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return plain(scheme + mark + re.sub(r":(?!\d{1,5}(?:/|\Z))[^]/:]*(?=/|\Z)", "", place))


def number_at_end(address: Any) -> int | None:
    """The thread's number at the end of its address."""
    match = re.search(r"/(\d{1,10})/?(?:#.*)?\Z", address) if isinstance(address, str) else None
    return int(match[1]) if match else None


def plain(text: str) -> str:
    """`text` as characters that any reader and any store can take: line feeds, no control characters."""
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def utc(date: str) -> str:
    """An ISO 8601 date as `YYYY-MM-DDThh:mm:ssZ`; without an offset it is taken as UTC. Raises `ValueError`."""
    moment = datetime.fromisoformat(date)
    try:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(date) from error
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _comments(fields: Mapping[str, Any], complain: Callable[[str], None]) -> tuple[Comment, ...]:
    comments = []
    for place, record in enumerate(_checked("comments", fields.get("comments"), list), 1):
        try:
            comments.append(comment_of(record))
        except RecordError as error:
            complain(f"comment {place} left out: {error}")
    return tuple(sorted(comments, key=lambda comment: comment.date))


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _fields(record: object) -> Mapping[str, Any]:
    if not isinstance(record, dict):
        raise RecordError("not a JSON object")
    return record


def _checked(name: str, value: object, kind: type[_Type]) -> _Type:
    """`value`, or what stands for nothing of its kind."""
    if value is None:
        return kind()
    if not isinstance(value, kind):
        raise RecordError(f'"{name}" is not {_NAMES[kind]}')
    return value


def _text(fields: Mapping[str, Any], name: str, required: bool = False) -> str:
    text = plain(_checked(name, fields.get(name), str)).strip()
    if required and not text:
        raise RecordError(f'no "{name}"')
    return text


def _number(fields: Mapping[str, Any], name: str, required: bool = False) -> int | None:
    number = fields.get(name)
    if number is None and not required:
        return None
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= MAX_NUMBER:
        raise RecordError(f'"{name}" is not a number from 1 to {MAX_NUMBER}' if number is not None else f'no "{name}"')
    return number


def _choice(fields: Mapping[str, Any], name: str, choices: Any, default: _Choice) -> _Choice:
    """A value of the literal type `choices`."""
    value = fields.get(name) or default
    if value not in get_args(choices):
        raise RecordError(f'"{name}" is none of {", ".join(get_args(choices))}')
    return value


def _verdict(fields: Mapping[str, Any]) -> Verdict:
    """A word of the tracker's; of one that we do not know nothing is kept, and the comment stays."""
    word = _text(fields, "state")
    known: tuple[Verdict, ...] = get_args(Verdict)
    return next((verdict for verdict in known if verdict == word), "")


def _date(fields: Mapping[str, Any], name: str) -> str:
    text = _text(fields, name)
    try:
        return utc(text) if text else ""
    except ValueError as error:
        raise RecordError(f'"{name}" is no ISO 8601 date') from error


def _author(fields: Mapping[str, Any]) -> str:
    """The name of an account; of an e-mail address, what stands before its `@`."""
    name = " ".join(_text(fields, "author").split())
    return " ".join(re.sub(r" ?<[^<>]*>|(?<=\S)@\S*", "", name).split()).removeprefix("@")


def _url(fields: Mapping[str, Any]) -> str:
    url = _text(fields, "url")
    if url and not re.fullmatch(r"https?://\S+", url):
        raise RecordError('"url" is no http or https address')
    return url


def _commit(fields: Mapping[str, Any], name: str) -> str | None:
    sha = _text(fields, name).lower()
    if sha and not _SHA.match(sha):
        raise RecordError(f'"{name}" is no commit id')
    return sha or None
