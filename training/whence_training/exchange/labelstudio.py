"""Records <-> tasks of Label Studio: what a reviewer reads, stars, corrects or throws out, and what becomes of it.

The JSON that Label Studio imports and exports. An export that nobody has annotated changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from whence_training.errors import InputError
from whence_training.qa.record import Record, canonical, from_json, to_json, with_answer

# The labelling interface to paste into a project: names are those that `read_review` looks for.
INTERFACE = """<View>
  <Header value="$question"/>
  <Text name="context" value="$context"/>
  <Text name="given" value="$answer"/>
  <Choices name="verdict" toName="given" choice="single"><Choice value="right"/><Choice value="wrong"/></Choices>
  <Rating name="stars" toName="given" maxRating="5" defaultValue="3"/>
  <TextArea name="correction" toName="given" rows="4" editable="true"/>
</View>
"""
_FEWEST_STARS = 3


@dataclass(frozen=True, slots=True)
class Review:
    """What reviewers decided: records as they are now, and the ids of those thrown out or replaced."""

    records: tuple[Record, ...]
    refused: frozenset[str]


def to_tasks(records: Iterable[Record]) -> list[dict[str, Any]]:
    """One task a record, its answer as the prediction; the record itself travels with it."""
    return [
        {
            "data": {
                "question": record.question,
                "answer": record.answer,
                "context": "\n\n".join(f"{each.place}\n{each.text}" for each in record.context),
                "record": to_json(record),
            },
            "meta": {"id": record.id, "generator": record.generator, "split": record.split},
        }
        for record in records
    ]


def dump_tasks(records: Iterable[Record]) -> str:
    """The file that Label Studio imports."""
    return canonical(to_tasks(records)) + "\n"


def read_review(file: Path) -> Review:
    """What is decided in an export. Raises `InputError` naming the task that is not one of ours.

    Wrong, or fewer than three stars, throws a record out; a correction puts another answer in its place, to be
    validated as any other.
    """
    try:
        tasks = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as an export of Label Studio: {error}") from error
    if not isinstance(tasks, list):
        raise InputError(f"{file} is no export of Label Studio: it holds no list of tasks")
    kept: list[Record] = []
    refused: set[str] = set()
    for number, task in enumerate(tasks, 1):
        try:
            record, decided = _decided(task)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{file.name} task {number} is not one of ours: {error}") from error
        if decided is None or decided.hash != record.hash:
            refused.add(record.id)
        if decided is not None and _annotations(task):
            kept.append(replace(decided, split=None, verdicts=()))
    return Review(tuple(kept), frozenset(refused))


def _decided(task: Mapping[str, Any]) -> tuple[Record, Record | None]:
    """The record of a task, and what it is after the last annotation; None where it was thrown out."""
    record = from_json(task["data"]["record"])
    for results in _annotations(task)[-1:]:
        values = {result["from_name"]: result["value"] for result in results}
        correction = " ".join(values.get("correction", {}).get("text", [])).strip()
        if correction and correction != record.answer:
            return record, replace(with_answer(record, correction, record.quotes), generator="import:label-studio")
        stars = values.get("stars", {}).get("rating", _FEWEST_STARS)
        if values.get("verdict", {}).get("choices") == ["wrong"] or stars < _FEWEST_STARS:
            return record, None
    return record, record


def _annotations(task: Mapping[str, Any]) -> Sequence[Sequence[Mapping[str, Any]]]:
    """The results of each annotation that was not cancelled, oldest first."""
    given = [each for each in task.get("annotations", ()) if not each.get("was_cancelled")]
    return [each["result"] for each in sorted(given, key=lambda each: str(each.get("created_at", "")))]
