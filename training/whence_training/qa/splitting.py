"""Records -> training, validation and test, so that nothing is learnt that also measures, nor anything later in time.

Pure. What shares a source is never parted, and what quotes sources of two splits is left out; of history the newest is
the test. `find_leaks` says whether that holds.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from whence_training.qa.duplicates import alike
from whence_training.qa.record import SPLITS, Record, Split

_NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Shares:
    """How much is trained on and tuned on; the rest measures."""

    train: float = 0.8
    validation: float = 0.1


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that two splits share: what, and where."""

    what: str
    where: str
    splits: tuple[str, str]


def split(records: Sequence[Record], shares: Shares, seed: int = 42) -> tuple[list[Record], list[Record]]:
    """(records with their split, those left out because they share with another split).

    Groups with a date are cut in time, the newest to test; those without are dealt out in an order that `seed` and
    their names decide, each category by itself, first those that are too large to measure with. What is not of the
    repository is trained on alone.
    """
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    root = _united(records)
    for record in records:
        groups[root[record.group]].append(record)
    dated = sorted((max(r.date for r in members), name) for name, members in groups.items() if _is_dated(members))
    decks: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in groups.keys() - {name for _, name in dated}:
        decks[groups[name][0].category].append((_order(name, seed), name))
    ordered = [dated, *(_large_first(sorted(deck), groups, shares) for deck in decks.values())]
    chosen = {name: split for deck in ordered for name, split in _dealt(deck, groups, shares)}
    chosen |= {name: "train" for name, members in groups.items() if members[0].category == "general"}
    placed = [replace(record, split=chosen[root[record.group]]) for record in records]
    whole, parted = _without_parted(placed)
    in_time, late = _cut_in_time(whole)
    kept, copies = _without_copies(in_time)
    return kept, [*parted, *late, *copies]


def _without_parted(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Without what quotes sources of two splits: a few of these would tie a whole repository into one group."""
    held = {source: record.split for record in records for source in _sources(record)[:1] if _is_tied(record)}
    parted = [
        any(held.setdefault(source, record.split) != record.split for source in _sources(record)) for record in records
    ]
    kept = [record for record, is_parted in zip(records, parted, strict=True) if not is_parted]
    return kept, [record for record, is_parted in zip(records, parted, strict=True) if is_parted]


def _cut_in_time(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Without what measures and is older than the newest that is trained on: parts of a long discussion."""
    latest = max((record.date for record in records if record.split == "train"), default="")
    late = [bool(record.date) and record.split != "train" and record.date < latest for record in records]
    kept = [record for record, is_late in zip(records, late, strict=True) if not is_late]
    return kept, [record for record, is_late in zip(records, late, strict=True) if is_late]


def find_leaks(records: Sequence[Record]) -> list[Leak]:
    """What more than one split has: a group, a source quoted, a question or one nearly the same; nothing where it is
    sound."""
    found: list[Leak] = []
    for what, key in (
        ("group", lambda r: [r.group]),
        ("source", _sources),
        ("question", lambda r: [r.question.lower()]),
    ):
        seen: dict[str, str] = {}
        for record in records:
            for value in key(record):
                first = seen.setdefault(value, str(record.split))
                if first != record.split:
                    found.append(Leak(what, value, (first, str(record.split))))
    for earlier, place in alike([_text(record) for record in records], _NEAR):
        one, other = records[earlier], records[place]
        if one.split != other.split:
            found.append(Leak("near-copy", other.question, (str(one.split), str(other.split))))
    latest = max((record.date for record in records if record.split == "train"), default="")
    for record in records:
        if record.split != "train" and record.date and record.date < latest:
            found.append(Leak("time", record.question, ("train", "test")))
    return found


def _without_copies(records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Of what is nearly the same in two splits, that which is learnt from goes: what measures stays whole."""
    order = {name: number for number, name in enumerate(reversed(SPLITS))}
    ranked = sorted(range(len(records)), key=lambda place: order[records[place].split or "train"])
    gone: set[int] = set()
    for first, later in alike([_text(records[place]) for place in ranked], _NEAR):
        one, other = ranked[first], ranked[later]
        if one not in gone and records[one].split != records[other].split:
            gone.add(other)
    kept = [record for place, record in enumerate(records) if place not in gone]
    return kept, [records[place] for place in sorted(gone)]


def _united(records: Sequence[Record]) -> dict[str, str]:
    """For each group the name of all that hang together with it by a source that both quote, and no other."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for record in records:
        if _is_tied(record):
            one, other = sorted((root(record.group), root(f"source {_sources(record)[0]}")))
            parent[other] = one
    return {record.group: root(record.group) for record in records}


def _sources(record: Record) -> list[str]:
    return sorted({evidence.source for evidence in record.origin}) if record.category != "general" else [record.group]


def _is_tied(record: Record) -> bool:
    return len(_sources(record)) == 1


def _is_dated(members: Sequence[Record]) -> bool:
    return any(record.date for record in members) and all(record.category != "general" for record in members)


def _large_first(
    deck: Sequence[tuple[str, str]], groups: Mapping[str, Sequence[Record]], shares: Shares
) -> list[tuple[str, str]]:
    """Those first, to be learnt from, that are more than all that is to be tuned on."""
    most = shares.validation * sum(len(groups[name]) for _, name in deck)
    return sorted(deck, key=lambda entry: len(groups[entry[1]]) <= most)


def _dealt(
    deck: Sequence[tuple[str, str]], groups: Mapping[str, Sequence[Record]], shares: Shares
) -> Iterator[tuple[str, Split]]:
    """The split of each group, by where its middle lies when they are put one behind the other."""
    total, before = sum(len(groups[name]) for _, name in deck), 0
    for _, name in deck:
        middle = (before + len(groups[name]) / 2) / total
        before += len(groups[name])
        yield (
            name,
            "train" if middle < shares.train else "validation" if middle < shares.train + shares.validation else "test",
        )


def _order(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


def _text(record: Record) -> str:
    return f"{record.question} {record.answer}"
