"""An issue or pull request -> questions of what it is, why it was and what came of it, that its own words answer.

Pure. What was said is quoted; titles that only begin with a verb are not taken for reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from whence_indexer.comments import clean
from whence_indexer.threads import Comment, Thread
from whence_server.reasons import find_reasons
from whence_training.qa import templates
from whence_training.qa.historyquestions import plain_subject, says_why
from whence_training.qa.quoting import evidence_of, is_sentence, locate, sentences_of
from whence_training.qa.record import Evidence, Grade, Record

_BRANCH = re.compile(r"^(merge|bump|\d|release|version|update |v\d|start)|^[\w./-]+$", re.IGNORECASE)
_ADDRESSED = re.compile(
    r"^(hi|hello|thanks?|i|we|you|he|she|they|it|but|and|see|same|sorry|yes|no|lgtm|ok)\b", re.IGNORECASE
)


def thread_records(thread: Thread) -> Iterator[Record]:
    """All questions of one thread."""
    title = plain_subject(thread.title)
    if len(title.split()) < 3 or _BRANCH.match(title) or len(title) > 120:
        return
    yield from _what(thread, title)
    yield from _why(thread, title)
    yield from _outcome(thread, title)
    yield from _reviews(thread)


def opening_evidence(thread: Thread) -> Evidence:
    """What opened a thread, as the server shows it."""
    text = "\n\n".join(filter(None, (thread.title, thread.body)))
    return Evidence(
        "pull" if thread.kind == "pull" else "issue", text, thread=thread.number, date=thread.created or None
    )


def said_evidence(thread: Thread, comment: Comment) -> Evidence:
    """A comment, as the server shows it."""
    kind = "pull" if thread.kind == "pull" else "issue"
    return Evidence(kind, comment.body, thread=thread.number, date=comment.date or None)  # type: ignore[arg-type]


def name_of(thread: Thread, title: str = "") -> str:
    """`pull request #12`, with its title where that is given."""
    kind = "pull request" if thread.kind == "pull" else "issue"
    return f'{kind} #{thread.number} ("{title}")' if title else f"{kind} #{thread.number}"


def _what(thread: Thread, title: str) -> Iterator[Record]:
    wordings = templates.PULL_WHAT if thread.kind == "pull" else templates.ISSUE_WHAT
    asked = templates.chosen(wordings, f"{thread.number}", name=name_of(thread))
    answer = f"{title[:1].upper()}{title[1:]}{'' if title[-1:] in '.!?' else '.'}"
    yield _record(thread, ("what", "easy"), asked, answer, opening_evidence(thread), (0, 0), "title")


def _why(thread: Thread, title: str) -> Iterator[Record]:
    evidence = opening_evidence(thread)
    rows = evidence.text.split("\n")
    for reason in find_reasons("", thread.body):
        place = locate(reason.sentence, rows)
        if place and says_why(reason) and not _ADDRESSED.match(reason.sentence):
            wordings = templates.PULL_WHY if thread.kind == "pull" else templates.ISSUE_PROBLEM
            asked = templates.chosen(wordings, f"why {thread.number}", name=name_of(thread, title))
            answer = reason.sentence if reason.sentence[-1] in ".!?" else f"{reason.sentence}."
            yield _record(thread, ("why", "medium"), asked, answer, evidence, place, "thread-reason")
            return


def _outcome(thread: Thread, title: str) -> Iterator[Record]:
    """What the changelog says of it."""
    entry = next((each for each in thread.comments if each.kind == "changelog"), None)
    if entry is None:
        return
    evidence = said_evidence(thread, entry)
    told = [text for text in sentences_of(clean(entry.body))[:2] if is_sentence(text)]
    place = locate(" ".join(told), evidence.text.split("\n")) if told else None
    if place and plain_subject(told[0]).lower() != title.lower():
        wordings = templates.RESOLVED if thread.kind == "issue" else templates.PULL_WHAT
        asked = templates.chosen(
            wordings, f"outcome {thread.number}", name=name_of(thread, "" if thread.derived else title)
        )
        grade: Grade = ("how", "medium") if thread.kind == "issue" else ("what", "medium")
        yield _record(thread, grade, asked, " ".join(told), evidence, place, "outcome")


def _reviews(thread: Thread) -> Iterator[Record]:
    for comment in thread.comments:
        if comment.kind != "review_comment" or not comment.path or not comment.author:
            continue
        evidence = said_evidence(thread, comment)
        told = [
            text for text in sentences_of(clean(comment.body))[:2] if is_sentence(text) and not _ADDRESSED.match(text)
        ]
        place = locate(" ".join(told), evidence.text.split("\n")) if told else None
        if place:
            key = f"{thread.number}{comment.date}{comment.path}"
            name = name_of(thread)
            asked = templates.chosen(templates.SAID, key, name=name, of=comment.author, path=comment.path)
            yield _record(thread, ("what", "hard"), asked, " ".join(told), evidence, place, "review", comment.author)


def _record(
    thread: Thread,
    grade: Grade,
    question: str,
    answer: str,
    whole: Evidence,
    rows: tuple[int, int],
    generator: str,
    author: str = "",
) -> Record:
    shown, quote = evidence_of(whole, *rows)
    told = (author or thread.author, thread.closed or thread.created)
    group = f"thread {thread.number}"
    return Record("discussion", *grade, question, answer, (shown,), (quote,), f"rules:{generator}", group, *told)
