"""The splits to learn from -> examples, a part of them with the evidence that search finds, as it will be served.

Where search does not find what answers, and where a question means another's evidence, the record's own is shown. What
measures is never shown: passages of a source that a question of another split is answered from are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from whence_server.models.manifest import Mode
from whence_server.passages import Passage
from whence_training.errors import ConfigError, InputError
from whence_training.finetuning.answering import Asked, brings_evidence
from whence_training.finetuning.examples import Example, Tongue, example_of
from whence_training.finetuning.folds import fold_count, folds
from whence_training.finetuning.pace import paced
from whence_training.qa.record import Record

Ask = Callable[[Sequence[Record]], Sequence[Asked]]
Fold = tuple[Sequence[Example], Sequence[Example]]  # learnt from, and held out


@dataclass(frozen=True, slots=True)
class Lessons:
    """`examples` and the records they are of, how many show what search found, and how many records cannot be learnt,
    by rule: their evidence has no sentence that may be said, or does not fit."""

    examples: tuple[Example, ...]
    records: tuple[Record, ...]
    retrieved: int
    left_out: Mapping[str, int]


def lessons(
    records: Sequence[Record],
    ask: Ask,
    tongue: Tongue,
    most: int,
    mode: Mode,
    share: float,
    measured: frozenset[str],
    note: Callable[[str], None] = lambda message: None,
) -> Lessons:
    """The examples of `records` in at most `most` tokens; a `share` of them is asked of `ask`, as their hash decides.

    `measured` are the sources of the splits that measure.
    """
    drawn = [record for record in records if not brings_evidence(record) and _is_drawn(record, share)]
    found = {each.record.hash: each for each in ask(drawn)}
    examples, kept, retrieved, left_out = list[Example](), list[Record](), 0, Counter[str]()
    for record in paced(records, "making examples", note):
        asked = found.get(record.hash)
        made = _of_search(record, asked, tongue, most, mode, measured) if asked and not asked.weak else None
        retrieved += made is not None
        if made is None:
            own = [each.passage() for each in record.context if each.source not in measured]
            with suppress(InputError):
                made = example_of(record, own, tongue, most, mode) if own or not record.context else None
        if made is None:
            left_out[record.generator] += 1
        else:
            examples.append(made)
            kept.append(record)
    return Lessons(tuple(examples), tuple(kept), retrieved, dict(sorted(left_out.items())))


def folded(
    taught: Lessons,
    checked: Lessons,
    cv: int | Literal["auto", "loo"],
    seed: int,
    teach: Callable[[Sequence[Record], Sequence[Record]], Lessons],
) -> list[Fold]:
    """Each part of both, and the rest as `teach` makes it: it is given the records of the rest and of the part.

    Raises `ConfigError` where there are not two parts.
    """
    records, examples = [*taught.records, *checked.records], [*taught.examples, *checked.examples]
    made = list[Fold]()
    for part in folds(records, fold_count(cv, records), seed):
        rest = [record for at, record in enumerate(records) if at not in part]
        made.append((teach(rest, [records[at] for at in part]).examples, [examples[at] for at in part]))
    if len(made) < 2 or not all(rest for rest, _ in made):
        raise ConfigError("finetuning.cv: there are too few sources to learn from some and hold out others")
    return made


def sources_of(records: Sequence[Record]) -> frozenset[str]:
    """The files, commits and threads that answer these."""
    return frozenset(evidence.source for record in records for evidence in record.origin)


def _of_search(
    record: Record, asked: Asked, tongue: Tongue, most: int, mode: Mode, measured: frozenset[str]
) -> Example | None:
    passages = [passage for passage in asked.passages if _source(passage) not in measured]
    with suppress(InputError):
        return example_of(record, passages, tongue, most, mode) if passages else None
    return None


def _source(passage: Passage) -> str:
    hit = passage.hit
    if hit.path is not None:
        return hit.path
    return f"commit {hit.commit}" if hit.commit is not None else f"{hit.kind} #{hit.thread}"


def _is_drawn(record: Record, share: float) -> bool:
    return int(record.hash[-8:], 16) < share * 2**32
