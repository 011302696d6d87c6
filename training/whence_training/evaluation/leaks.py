"""A prompt and the record it asks: is the answer given away? A model that is shown it is not measured, but flattered.

Pure. In the evidence the answer may stand; that is what evidence is for.
"""

from __future__ import annotations

from collections.abc import Sequence

from whence_indexer.terms import identifiers_of
from whence_server.generation.prompt import place
from whence_server.passages import Passage
from whence_training.errors import InputError
from whence_training.qa.record import Record

_FEW = 4  # words of an answer that a question may hold by chance: a name, a version, yes


def refuse_leak(record: Record, prompt: str, passages: Sequence[Passage]) -> None:
    """Raise `InputError`, naming the record, where the reference is in `prompt` and not in the evidence served in it.

    `prompt` is all that the model is shown. Evidence is the lines of `passages` behind their bars, and their headings;
    an answer of a few words may be part of the question.
    """
    if not record.answerable:
        return
    answer = identifiers_of(record.answer.lower())
    evidence = {f"| {line}" for passage in passages for line in passage.quote.splitlines()}
    headings = {f"[{number}] {' '.join(place(each).split())}" for number, each in enumerate(passages, 1)}
    rest = "\n".join(line for line in prompt.split("\n") if line not in evidence and line not in headings)
    if len(answer) < _FEW:
        rest = rest.replace(" ".join(record.question.split()), "")
    said = f" {' '.join(identifiers_of(rest.lower()))} "
    if answer and f" {' '.join(answer)} " in said:
        raise InputError(f"the prompt of record {record.id} holds the answer outside of its evidence")
