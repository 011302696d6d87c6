"""Records -> what a causal language model is trained on: the prompt as the server asks it, and the answer to learn.

Pure: the caller brings the tokenizer's two functions. Only the answer is learnt from, and only evidence is cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from whence_server.generation.prompt import system_text, trimmed
from whence_server.models.manifest import Mode
from whence_training.errors import InputError
from whence_training.qa.record import Record

IGNORED = -100  # the label that PyTorch's cross entropy passes over
Encode = Callable[[str], list[int]]
# (system, user) -> the prompt up to where the answer begins, as the model's chat template has it.
Template = Callable[[str, str], str]
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'(])|\n")


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids, and for each the id to learn or `IGNORED`; both of the same length."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def learnt(self) -> int:
        """How many tokens are learnt from."""
        return sum(label != IGNORED for label in self.labels)


def answer_text(record: Record) -> str:
    """The answer as the model is to write it: one sentence a line, each with the number of its passage."""
    if not record.quotes:
        return record.answer
    cited = list(dict.fromkeys(quote.evidence + 1 for quote in record.quotes))
    lines = [line.strip() for line in _SENTENCE.split(record.answer) if line.strip()]
    return "\n".join(f"{line} [{cited[min(number, len(cited) - 1)]}]" for number, line in enumerate(lines))


def example_of(
    record: Record, encode: Encode, template: Template, most: int, mode: Mode = "write", end: Sequence[int] = ()
) -> Example:
    """The example of a record in at most `most` tokens: passages that do not fit are left out, from the last on.

    `end` are the ids that close an answer. Raises `InputError` where the answer and the passages it quotes do not fit:
    what could only be learnt without its evidence is not learnt.
    """
    answer = [*encode(answer_text(record)), *end]
    frame = len(encode(template(system_text(mode), "")))
    passages = [evidence.passage() for evidence in record.context]
    room = most - frame - len(answer)
    prompt = trimmed(record.question, passages, room, lambda texts: [len(encode(text)) for text in texts])
    ids = encode(template(system_text(mode), prompt.text))
    needed = max((quote.evidence + 1 for quote in record.quotes), default=0)
    if not answer or prompt.kept < needed or len(ids) + len(answer) > most:
        raise InputError(f"record {record.id} does not fit into {most:,} tokens with the evidence it quotes")
    return Example((*ids, *answer), (*([IGNORED] * len(ids)), *answer))
