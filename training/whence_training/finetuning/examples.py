"""Records and the evidence that is served for them -> what a causal language model is trained on.

Pure: the caller brings the model's tokens. Only the answer is learnt from, and only evidence is cut. What the model is
to say is what its mode lets it say when it serves: sentences of its own with numbers, or sentences of the evidence. Of
these only the tokens at which the grammar leaves a choice are learnt: the others it will never have to find.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from whence_indexer.terms import identifiers_of
from whence_server.generation.prompt import UNKNOWN, system_text, trimmed
from whence_server.generation.quoting import MOST, Sentence, offered
from whence_server.models.manifest import Mode
from whence_server.passages import Passage
from whence_training.errors import InputError
from whence_training.evaluation.answered import Answered
from whence_training.evaluation.judging import is_correct
from whence_training.qa.record import Evidence, Quote, Record

IGNORED = -100  # the label that PyTorch's cross entropy passes over
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'(])|\n")
_BORNE = 0.8  # of the words of a sentence that is quoted must be of the answer or of what it quotes


class Tongue(Protocol):
    """How a model is spoken to: texts as its tokens, in which nothing of ours is a control token."""

    end: int  # the token that closes an answer

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        ...

    def piece(self, token: int) -> bytes:
        """The text of a token, which may be a part of a character."""
        ...

    def prompt(self, system: str, user: str) -> list[int]:
        """The tokens of a prompt, up to where the answer begins."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids, and for each the id to learn or `IGNORED`; both of the same length.

    `allowed` are the ids among which the grammar leaves the choice, by place; elsewhere all are. `cut` is how many
    passages did not fit.
    """

    ids: tuple[int, ...]
    labels: tuple[int, ...]
    allowed: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    cut: int = 0

    @property
    def learnt(self) -> int:
        """How many tokens are learnt from."""
        return sum(label != IGNORED for label in self.labels)


def reference(record: Record, passages: Sequence[Passage], mode: Mode) -> str | None:
    """What the model is to say when it is shown `passages`: one sentence a line, each with the number of its passage.

    None where they do not hold what the answer quotes, or no sentence that may be quoted says it.
    """
    if not record.quotes:
        return record.answer
    held = [_place(quote, record.context[quote.evidence], passages) for quote in record.quotes]
    numbers = [number for number in held if number is not None]
    if len(numbers) < len(held):
        return None
    return _quoted(record, passages, set(numbers)) if mode == "quote" else _written(record, numbers)


def unsayable(records: Sequence[Record], mode: Mode) -> int:
    """Of how many the model cannot say the answer, though it is shown their own evidence."""
    return sum(reference(each, [shown.passage() for shown in each.context], mode) is None for each in records)


def example_of(record: Record, passages: Sequence[Passage], tongue: Tongue, most: int, mode: Mode) -> Example:
    """The example in at most `most` tokens: passages that do not fit are left out, from the last on.

    Raises `InputError` where the answer and the passages it stands on do not fit, or cannot be said: what could only be
    learnt without its evidence is not learnt.
    """
    system = system_text(mode)
    said = reference(record, passages, mode)
    if said is None:
        raise InputError(f"what answers record {record.id} is not among what may be said of its evidence")
    room = most - len(tongue.prompt(system, "")) - len(tongue.encode(said)) - 1
    shown = trimmed(record.question, passages, room, lambda texts: [len(tongue.encode(text)) for text in texts])
    said = reference(record, shown.kept, mode)
    ids, cut = tongue.prompt(system, shown.text), len(passages) - len(shown.kept)
    answer = [*tongue.encode(said), tongue.end] if said and (shown.kept or not passages) else []
    if not answer or len(ids) + len(answer) > most:
        raise InputError(f"record {record.id} does not fit into {most:,} tokens with the evidence it quotes")
    if not said or mode == "write":
        return Example((*ids, *answer), (*([IGNORED] * len(ids)), *answer), cut=cut)
    found = _decisions(answer, said, shown.kept, tongue)
    labels = [token if at in found else IGNORED for at, token in enumerate(answer)]
    allowed = {len(ids) + at: tuple(sorted({*choice, answer[at]})) for at, choice in found.items()}
    return Example((*ids, *answer), (*([IGNORED] * len(ids)), *labels), allowed, cut)


def _decisions(answer: Sequence[int], said: str, passages: Sequence[Passage], tongue: Tongue) -> dict[int, set[int]]:
    """The places of an answer at which the lines on offer leave a choice, and the tokens that may go on from there."""
    quotable = [sentence.line for sentence in offered(passages)]
    lines, before, found = [UNKNOWN, *quotable], b"", dict[int, set[int]]()
    for at, token in enumerate(answer):
        piece = b"" if at == len(answer) - 1 else tongue.piece(token)
        alive = [line.encode() for line in lines if line.encode().startswith(before)]
        rests = {line[len(before) :].decode("utf-8", "ignore") for line in alive}
        choice = {tongue.encode(rest)[0] for rest in rests if rest}
        if "" in rests:  # a whole line: the answer ends, or goes on with another
            choice |= {tongue.end} if at else set()
            choice |= {tongue.encode("\n")[0]} if before.decode() != UNKNOWN and said.count("\n") < MOST - 1 else set()
        if len(choice | {token}) > 1:
            found[at] = choice
        _, newline, before = (before + piece).rpartition(b"\n")
        lines = quotable if newline else lines
    return found


def _written(record: Record, numbers: Sequence[int]) -> str:
    cited = list(dict.fromkeys(numbers))
    lines = [line.strip() for line in _SENTENCE.split(record.answer) if line.strip()]
    return "\n".join(f"{line} [{cited[min(at, len(cited) - 1)]}]" for at, line in enumerate(lines))


def _quoted(record: Record, passages: Sequence[Passage], numbers: set[int]) -> str | None:
    """Those sentences on offer, in their order, that together are most like the answer; None if they do not say it."""
    wanted = Counter(_words(record.answer))
    known = wanted | Counter(_words(" ".join(quote.text for quote in record.quotes)))
    left = [s for s in offered(passages) if s.passage in numbers and _is_of(s, known)]
    order, taken, best = list(left), list[Sentence](), 0.0
    while left and len(taken) < MOST:
        likeness, sentence = max(((_f1([*taken, s], wanted), s) for s in left), key=lambda pair: pair[0])
        if likeness <= best:
            break
        best = likeness
        taken.append(sentence)
        left.remove(sentence)
    said = "\n".join(sentence.line for sentence in order if sentence in taken)
    cited = tuple(sentence.passage for sentence in taken)
    return said if is_correct(Answered(record, said, cited, tuple(passages), False, 1.0, 0.0)) else None


def _place(quote: Quote, evidence: Evidence, passages: Sequence[Passage]) -> int | None:
    """The number, from 1, of the first passage of the same source that holds the quote."""
    text = " ".join(quote.text.split())
    for number, passage in enumerate(passages, 1):
        hit = passage.hit
        same = (hit.path, hit.commit, hit.thread) == (evidence.path, evidence.commit, evidence.thread)
        if same and text in " ".join(passage.quote.split()):
            return number
    return None


def _is_of(sentence: Sentence, known: Counter[str]) -> bool:
    words = Counter(_words(sentence.text))
    return (words & known).total() >= _BORNE * words.total()


def _f1(sentences: Sequence[Sentence], wanted: Counter[str]) -> float:
    said = Counter(_words(" ".join(sentence.text for sentence in sentences)))
    return 2 * (said & wanted).total() / max(1, said.total() + wanted.total())


def _words(text: str) -> list[str]:
    return identifiers_of(text.lower())
