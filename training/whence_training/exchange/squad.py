"""SQuAD v1.1 -> records that are mixed in for training, never to measure: they keep a model's English.

Takes the JSON as it is published; answers are spans of the context, which are checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from whence_training.errors import InputError
from whence_training.qa.record import Evidence, QuestionType, Quote, Record

_TYPES: tuple[QuestionType, ...] = ("why", "where", "when", "who", "how")


def read_squad(file: Path) -> list[Record]:
    """The answerable questions of a file. Raises `InputError` naming the place that is not as it must be."""
    try:
        held = json.loads(file.read_text("utf-8"))
        return [record for article in held["data"] for record in _article(article, file.name)]
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as SQuAD v1.1: {error}") from error
    except (KeyError, TypeError) as error:
        raise InputError(f"{file} is not SQuAD v1.1: {error} is missing or of another kind") from error


def limited(records: Sequence[Record], ratio: float, own: int) -> list[Record]:
    """As many as make at most `ratio` of a dataset that has `own` of its own, chosen by their hash."""
    most = int(ratio / (1 - ratio) * own) if ratio < 1 else len(records)
    return sorted(records, key=lambda record: record.hash)[:most]


def _article(article: dict[str, Any], name: str) -> Iterator[Record]:
    for paragraph in article["paragraphs"]:
        context = paragraph["context"]
        for asked in paragraph["qas"]:
            answers = asked["answers"]
            if not answers:
                continue
            answer, start = answers[0]["text"], answers[0]["answer_start"]
            if context[start : start + len(answer)] != answer:
                raise ValueError(f"the answer of question {asked['id']} is not where it says")
            yield _record(article.get("title", name), context, asked["question"].strip(), answer)


def _record(title: str, context: str, question: str, answer: str) -> Record:
    begins = question.lower().split()[:2]
    kind: QuestionType = next((each for each in _TYPES if each in begins), "what")
    group = f"squad {title} {hashlib.sha256(context.encode()).hexdigest()[:12]}"
    evidence = Evidence("doc", context, path=f"squad/{title}")
    quotes = (Quote(0, answer),)
    return Record("general", kind, "medium", question, answer, (evidence,), quotes, "import:squad", group)
