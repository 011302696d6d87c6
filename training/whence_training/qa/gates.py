"""Records -> may they be trained on? What must hold of a dataset, each with its number, its limit and a word of advice.

Pure. A gate that fails blocks; one that warns lets pass, and so does one that there was nothing to measure for.
"""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from whence_training.qa.record import Record

State = Literal["passed", "warned", "failed", "unmeasured"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the gates. Shares are of all examples; `dominance` overrides `share` by what is counted."""

    minimum: int = 20
    per_category: int = 3
    few: int = 5
    imbalance: float = 5.0
    share: float = 0.5
    dominance: Mapping[str, float] = field(default_factory=dict)
    extractive: float = 0.6
    outliers: float = 0.02


@dataclass(frozen=True, slots=True)
class Gate:
    """One verdict: `value` beside `limit`, what it is about, and what to do."""

    name: str
    state: State
    value: float
    limit: float
    what: str = ""
    advice: str = ""


def check(records: Sequence[Record], limits: Limits, extractive: float) -> list[Gate]:
    """All gates over the examples of the repository; `extractive` is the measured share of quoted answers.

    What dominates is looked for among those that are learnt from, all where no split is said.
    """
    own = [record for record in records if record.category != "general"]
    learnt = [record for record in own if record.split in (None, "train")]
    return [
        _minimum(own, limits),
        *_categories(own, limits),
        *(_dominance(name, learnt, limits) for name in DOMINANCE),
        _duplicates(own),
        _conflicts(own),
        _lengths(own, limits),
        _floor("extractive", extractive, limits.extractive, "let fewer answers be written freely"),
    ]


def blocked(gates: Sequence[Gate]) -> list[Gate]:
    """Those that failed."""
    return [gate for gate in gates if gate.state == "failed"]


def blocked_reasons(gates: Sequence[Gate]) -> list[str]:
    """A sentence for each gate that failed: its numbers, and what to try."""
    return [
        f"{gate.name}: {gate.value:g}, limit {gate.limit:g}{f' ({gate.what})' if gate.what else ''}. {gate.advice}"
        for gate in gates
        if gate.state == "failed"
    ]


def rebalance(records: Sequence[Record], limits: Limits) -> list[Record]:
    """As many of the records as there can be with no dominating author, file, directory or generator.

    What is too much is taken out by its hash, so that the choice hangs on nothing else. Empty where one alone is left.
    """
    kept = list(records)
    for _ in range(100):
        over = [(name, *_largest(name, kept)) for name in DOMINANCE]
        over = [each for each in over if kept and each[2] > _limit(each[0], limits) * len(kept)]
        if not over:
            return kept
        name, value, count = over[0]
        limit = _limit(name, limits)
        allowed = int(limit * (len(kept) - count) / (1 - limit))
        mine = sorted((r for r in kept if DOMINANCE[name](r) == value), key=lambda record: record.hash)
        gone = {record.hash for record in mine[allowed:]}
        kept = [record for record in kept if record.hash not in gone]
    return []


def _directory(record: Record) -> str:
    path = next((evidence.path for evidence in record.origin if evidence.path), "")
    return path.rpartition("/")[0] or "." if path else ""


# What may not dominate; records without a value count in the whole, and dominate nothing.
DOMINANCE: dict[str, Callable[[Record], str]] = {
    "author": lambda record: record.author,
    "file": lambda record: next((evidence.path for evidence in record.origin if evidence.path), ""),
    "directory": _directory,
    "generator": lambda record: record.generator,
}


def _largest(name: str, records: Sequence[Record]) -> tuple[str, int]:
    counts = Counter(value for record in records if (value := DOMINANCE[name](record)))
    return max(counts.items(), key=lambda entry: (entry[1], entry[0]), default=("", 0))


def _limit(name: str, limits: Limits) -> float:
    return limits.dominance.get(name, limits.share)


def _minimum(records: Sequence[Record], limits: Limits) -> Gate:
    advice = "index more of the history, import issues, or lower dataset_generator.gates.minimum"
    return _floor("minimum", len(records), limits.minimum, advice)


def _categories(records: Sequence[Record], limits: Limits) -> list[Gate]:
    counts = Counter(record.category for record in records)
    gates = []
    for category, count in sorted(counts.items()):
        state: State = "failed" if count < limits.per_category else "warned" if count < limits.few else "passed"
        gates.append(Gate(f"category {category}", state, count, limits.per_category, category, "collect more of it"))
    if counts:
        ratio = max(counts.values()) / min(counts.values())
        state = "warned" if ratio > limits.imbalance else "passed"
        rarest = min(counts, key=lambda name: (counts[name], name))
        gates.append(Gate("imbalance", state, round(ratio, 2), limits.imbalance, rarest, "collect more of the rarest"))
    return gates


def _dominance(name: str, records: Sequence[Record], limits: Limits) -> Gate:
    value, count = _largest(name, records)
    share, limit = count / len(records) if records else 0.0, _limit(name, limits)
    failed = count > limit * len(records)
    kept = len(rebalance(records, limits)) if failed else len(records)
    key = f"dataset_generator.gates.{name}"
    advice = (
        f"--rebalance takes out {len(records) - kept:,} examples, which leaves {kept:,} to learn from; or allow "
        f"more: {key}"
        if kept and kept >= limits.minimum
        else f"without it too few are left to learn from: allow more, as {key}: 1, or index what is of another {name}"
    )
    return Gate(f"dominance of one {name}", "failed" if failed else "passed", share, limit, value, advice)


def _duplicates(records: Sequence[Record]) -> Gate:
    """Examples that are the same but for case and spaces; those nearly the same have been refused as not new."""
    counts = Counter(" ".join(f"{r.question} {r.answer}".lower().split()) for r in records if r.answerable)
    share = sum(count - 1 for count in counts.values()) / len(records) if records else 0.0
    what = next((text for text, count in counts.items() if count > 1), "")
    return Gate("duplicates", "failed" if share > 0.05 else "passed", round(share, 4), 0.05, what, "take them out")


def _conflicts(records: Sequence[Record]) -> Gate:
    answers: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        context = hashlib.sha256("\0".join(evidence.text for evidence in record.context).encode()).hexdigest()
        answers[record.question.lower(), context].add(record.answer)
    clashes = [question for (question, _), given in answers.items() if len(given) > 1]
    state: State = "failed" if clashes else "passed"
    advice = "decide which answer is right; the same question over the same evidence has several"
    return Gate("conflicts", state, len(clashes), 0, clashes[0] if clashes else "", advice)


def _lengths(records: Sequence[Record], limits: Limits) -> Gate:
    """Answers that are empty, or longer than the mean by more than six deviations."""
    sizes = [len(record.answer.split()) for record in records]
    mean, deviation = (statistics.fmean(sizes), statistics.pstdev(sizes)) if sizes else (0.0, 0.0)
    far = [r for r, size in zip(records, sizes, strict=True) if not r.answer.strip() or size > mean + 6 * deviation + 1]
    share = len(far) / len(records) if records else 0.0
    state: State = "warned" if share > limits.outliers else "passed"
    return Gate("length outliers", state, round(share, 4), limits.outliers, far[0].id if far else "", "look at them")


def _floor(name: str, value: float, limit: float, advice: str) -> Gate:
    return Gate(name, "failed" if value < limit else "passed", round(value, 4), limit, advice=advice)
