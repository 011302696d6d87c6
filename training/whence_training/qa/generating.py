"""Material -> records by rule, and of these the questions that the evidence shown does not answer.

Pure and reproducible: a thing gives the same questions whatever stands beside it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from whence_indexer.terms import split_name
from whence_server.generation.prompt import UNKNOWN
from whence_training.qa import templates
from whence_training.qa.codequestions import code_records, noun, pair_record, summary
from whence_training.qa.docquestions import doc_records
from whence_training.qa.historyquestions import history_records
from whence_training.qa.material import Material, Unit
from whence_training.qa.record import Evidence, Record
from whence_training.qa.threadquestions import thread_records

_PAIRS_OF_A_SCOPE = 3


def generate(material: Material) -> Iterator[Record]:
    """All questions that rules ask of a repository, and can answer."""
    for unit in material.units:
        yield from code_records(unit)
    yield from _comparisons(material.units)
    yield from _once([record for section in material.sections for record in doc_records(section)])
    for change in material.changes:
        yield from history_records(change)
    for thread in material.threads:
        yield from thread_records(thread)


def absent(units: Sequence[Unit], most: int) -> list[Record]:
    """At most so many questions of methods that are not there, though they read as if they were."""
    return sorted(_absent(units), key=lambda record: record.hash)[:most]


def unanswerable(records: Sequence[Record], share: float) -> Iterator[Record]:
    """Real questions over the evidence of others, which does not answer them: `share` of the number of `records`.

    To be called when the splits are made: both are of one split.
    """
    wanted = round(share * len(records))
    own = (record for record in records if record.category != "general" and record.answerable)
    real = sorted((record for record in own if record.type != "compare"), key=lambda record: _drawn(record.hash))
    pools: defaultdict[tuple[str, str | None], list[Record]] = defaultdict(list)
    for record in real:
        pools[record.category, record.split].append(record)
    for record in real[:wanted]:
        pool = pools[record.category, record.split]
        other = pool[_number(record.hash) % len(pool)]
        if _is_apart(record, other):
            yield replace(
                record,
                answer=UNKNOWN,
                context=other.context,
                quotes=(),
                answerable=False,
                difficulty="hard",
                generator="rules:unanswerable",
            )


def capped(records: Sequence[Record], shares: Mapping[str, float], least: int = 40) -> list[Record]:
    """Without so many of one generator that they are more than its share (of all: under the name "") of the rest.

    `least` of each may stay, but of one whose share is 0 none does; which do, their hash decides.
    """
    held: defaultdict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.hash):
        held[record.generator].append(record)
    for _ in range(20):
        total = sum(map(len, held.values()))
        for name, members in held.items():
            share = shares.get(name.partition(":")[2], shares.get("", 1.0))
            held[name] = members[: max(least, int(share * total)) if share else 0]
        if total == sum(map(len, held.values())):
            break
    kept = {record.hash for members in held.values() for record in members}
    return [record for record in records if record.hash in kept]


def with_distractors(records: Sequence[Record], share: float, most: int) -> list[Record]:
    """A `share` of the records with the evidence of up to `most` others of their split and category beside their own.

    That which answers stands at any place among them. To be called when the splits are made: what is shown in training
    may not be from what measures it.
    """
    pools: defaultdict[tuple[str, str | None], list[Record]] = defaultdict(list)
    for record in records:
        pools[record.category, record.split].append(record)
    return [
        _mixed(record, pools[record.category, record.split], most)
        if most and record.category != "general" and _drawn(f"mixed {record.hash}") < share
        else record
        for record in records
    ]


def _once(records: Sequence[Record]) -> Iterator[Record]:
    """Without the questions of a changelog that one version answers several times: that is no one thing."""
    asked = Counter(_topic(record) for record in records if record.generator == "rules:changelog")
    yield from (record for record in records if asked[_topic(record)] < 2)


def _topic(record: Record) -> tuple[str, ...]:
    """What a question of a changelog asks about: the name and the version."""
    versions = re.findall(r"\d+(?:\.\d+)+\w*", record.question)
    return record.generator, record.question.split("`")[1] if "`" in record.question else "", *versions[-1:]


def _mixed(record: Record, pool: Sequence[Record], most: int) -> Record:
    start, size = _number(f"start {record.hash}"), len(pool)
    others: list[Evidence] = []
    for step in range(min(size, 4 * most)):
        other = pool[(start + step * 7) % size]
        evidence = other.context[0]
        if len(others) < most and _is_apart(record, other) and evidence not in others:
            others.append(evidence)
    if not others:
        return record
    at = _number(f"at {record.hash}") % (len(others) + 1)
    context = (*others[:at], *record.context, *others[at:])
    quotes = tuple(replace(quote, evidence=quote.evidence + at) for quote in record.quotes)
    return replace(record, context=context, quotes=quotes)


def _is_apart(record: Record, other: Record) -> bool:
    """Whether the evidence of `other` says nothing that answers `record`."""
    sources = {evidence.source for evidence in record.context}
    named = [part for part in record.question.split("`")[1::2] if len(part) > 2]
    texts = [evidence.text for evidence in other.context]
    return (
        record.group != other.group
        and sources.isdisjoint(evidence.source for evidence in other.context)
        and not any(name.rpartition(".")[2] in text for name in named for text in texts)
        and not any(quote.text.strip() in text for quote in record.quotes for text in texts)
    )


def _comparisons(units: Sequence[Unit]) -> Iterator[Record]:
    """Definitions of one scope whose names share a word, each compared with the next such one."""
    scopes: defaultdict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in units:
        scopes[unit.place.path, unit.symbol.rpartition(".")[0]].append(unit)
    for _, members in sorted(scopes.items()):
        told = [unit for unit in members if summary(unit) is not None]
        made = 0
        for place, one in enumerate(told):
            other = next((each for each in told[place + 1 :] if _is_akin(one, each)), None)
            record = pair_record(one, other) if other and made < _PAIRS_OF_A_SCOPE else None
            if record:
                made += 1
                yield record


def _is_akin(one: Unit, other: Unit) -> bool:
    left, right = (set(split_name(unit.symbol.rpartition(".")[2])) for unit in (one, other))
    return len(left & right) >= 0.5 * max(len(left), len(right)) and left != right


def _absent(units: Sequence[Unit]) -> Iterator[Record]:
    """Of a class, a method that only others have: it reads as if it were there."""
    known = {unit.symbol for unit in units}
    owners = sorted({unit.symbol: unit for unit in units if noun(unit) == "class"}.items())
    methods = sorted({unit.symbol.rpartition(".")[2] for unit in units if "." in unit.symbol})
    methods = [name for name in methods if not name.startswith("_") and len(name) > 4]
    for symbol, unit in owners if methods else ():
        start = _number(symbol)
        inside = unit.text
        name = next(
            (each for each in (methods[(start + step) % len(methods)] for step in range(8)) if each not in inside), None
        )
        if name is None or f"{symbol}.{name}" in known or unit.text.count("\n") < 3:
            continue
        rows = unit.text.split("\n")[:12]
        shown = Evidence("code", "\n".join(rows), unit.place.path, unit.place.start_line, symbol)
        asked = templates.chosen(templates.WHAT_CALLABLE, f"{symbol}.{name}", name=f"`{symbol}.{name}`")
        yield Record(
            "code", "what", "hard", asked, UNKNOWN, (shown,), (), "rules:absent", unit.place.path, answerable=False
        )


def _drawn(text: str) -> float:
    """A number in [0, 1) that hangs on `text` alone."""
    return _number(text) / 2**32


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
