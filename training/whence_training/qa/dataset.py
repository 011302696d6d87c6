"""Material and imports -> a dataset: generated, validated, capped, split, mixed, gated; and what it is made of.

Pure: all that is read has been read before. The version of a dataset is the hash of its records alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from whence_server.likeness import jaccard, shingle
from whence_training.config import Config
from whence_training.config import Gates as GatesConfig
from whence_training.exchange.squad import limited
from whence_training.qa.collecting import Collected
from whence_training.qa.gates import Gate, Limits, blocked, check, rebalance
from whence_training.qa.generating import absent, capped, generate, unanswerable, with_distractors
from whence_training.qa.material import Material
from whence_training.qa.record import SPLITS, Record
from whence_training.qa.splitting import Leak, Shares, find_leaks, split
from whence_training.qa.validation import Judge, Sources, extractive_quota, reasons, validate

_CURATED = 0.6  # likeness to a question that measures from which nothing is learnt from a record


@dataclass(frozen=True)
class Imported:
    """Records from elsewhere: `own` are of this repository, `general` are mixed in for training, and the
    questions of `curated` measure and are never learnt from. `refused` are ids that a reviewer threw out."""

    own: tuple[Record, ...] = ()
    general: tuple[Record, ...] = ()
    curated: tuple[str, ...] = ()
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Dataset:
    """Records with their splits, those in quarantine, the gates' verdicts, and leaks, of which there are none."""

    records: tuple[Record, ...]
    quarantined: tuple[Record, ...]
    gates: tuple[Gate, ...]
    leaks: tuple[Leak, ...]
    extractive: float
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def version(self) -> str:
        """SHA-256 of the records' hashes with their splits, in order."""
        lines = sorted(f"{record.hash} {record.split}" for record in self.records)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def blocked(self) -> list[Gate]:
        """The gates that hold it back."""
        return blocked(self.gates)


def build(
    material: Material,
    collected: Collected,
    imported: Imported,
    config: Config,
    written: Iterable[Record] = (),
    judge: Judge | None = None,
) -> Dataset:
    """The dataset of a repository; `written` are records of a model that teaches, `judge` a second one."""
    told, sources = config.dataset_generator, Sources.of(collected)
    # What people said comes first: of two questions alike the later one is refused.
    drafts = [*imported.own, *generate(material), *written]
    drafts = [record for record in drafts if not imported.refused or record.id not in imported.refused]
    fitting = [record for record in drafts if _fits(record, config)]
    good, bad = validate(fitting, sources, judge, told.novelty)
    good, measured = _apart_from(good, imported.curated)
    kept = capped(good, told.shares)
    kept += validate(absent(material.units, round(told.unanswerable * len(kept) / 2)), sources)[0]
    half = (1 - told.train_ratio) / 2
    placed, copies = split(
        [*kept, *limited(imported.general, told.imports.squad_ratio, len(kept))],
        Shares(told.train_ratio, half),
        told.seed,
    )
    placed += validate(unanswerable(placed, told.unanswerable / 2), sources)[0]
    placed = with_distractors(placed, told.distracted, told.distractors)
    limits, dealt = limits_of(told.gates), len(placed)
    if told.gates.rebalance:
        placed = rebalanced(placed, limits)
    extractive = extractive_quota([record for record in placed if record.category != "general"])
    left_out = {
        **material.left_out,
        "evidence of another length": len(drafts) - len(fitting),
        "asked in a curated set": measured,
        "more than the share of one rule": len(good) - len(kept),
        "shared with another split, or later than it": len(copies),
        "more than may dominate": dealt - len(placed),
    }
    gates = check(placed, limits, extractive)
    records = tuple(sorted(placed, key=lambda record: (str(record.split), record.hash)))
    return Dataset(records, tuple(bad), tuple(gates), tuple(find_leaks(records)), extractive, left_out)


def rebalanced(records: Sequence[Record], limits: Limits) -> list[Record]:
    """With as many as may be of what is learnt from of this repository; all where that is none."""
    own = [record for record in records if record.split == "train" and record.category != "general"]
    gone = {record.hash for record in own} - {record.hash for record in rebalance(own, limits)}
    return [record for record in records if record.hash not in gone] if len(gone) < len(own) else list(records)


def lineage(dataset: Dataset, collected: Collected, inputs: dict[str, str]) -> dict[str, Any]:
    """What a dataset is and was made of; `inputs` are hashes by name."""
    records = dataset.records
    own = [record for record in records if record.category != "general"]
    return {
        "version": dataset.version,
        "commit": collected.commit,
        "inputs": inputs,
        "records": len(records),
        "splits": {name: sum(record.split == name for record in records) for name in SPLITS},
        "categories": _counted(record.category for record in records),
        "types": _counted(record.type for record in own),
        "difficulties": _counted(record.difficulty for record in own),
        "generators": _counted(record.generator for record in records),
        "answerable": sum(record.answerable for record in records),
        "answer_words": _percentiles([len(record.answer.split()) for record in own]),
        "extractive": round(dataset.extractive, 4),
        "quarantined": len(dataset.quarantined),
        "refusals": reasons(dataset.quarantined),
        "left_out": dataset.left_out,
        "leaks": len(dataset.leaks),
        "blocked": [gate.name for gate in dataset.blocked],
    }


def limits_of(gates: GatesConfig) -> Limits:
    """The limits that a configuration sets."""
    given = {name: getattr(gates, name) for name in ("author", "file", "directory", "generator")}
    return Limits(
        minimum=gates.minimum,
        per_category=gates.per_category,
        few=gates.few,
        imbalance=gates.imbalance,
        share=gates.share,
        dominance={name: share for name, share in given.items() if share is not None},
        extractive=gates.extractive,
    )


def _fits(record: Record, config: Config) -> bool:
    """Whether its evidence is neither a scrap nor too much, in words, which are fewer than tokens."""
    size = sum(len(evidence.text.split()) for evidence in record.context)
    return config.data_processor.min_tokens <= max(size, 1) <= config.data_processor.max_tokens


def _apart_from(records: Sequence[Record], curated: Sequence[str]) -> tuple[list[Record], int]:
    """Without those that ask nearly what a curated set asks, and how many they were."""
    asked = [shingle(question) for question in curated]
    exact = {" ".join(question.lower().split()) for question in curated}

    def apart(record: Record) -> bool:
        words = shingle(record.question)
        same = " ".join(record.question.lower().split()) in exact
        return not same and all(jaccard(words, other) < _CURATED for other in asked)

    kept = [record for record in records if apart(record)] if curated else list(records)
    return kept, len(records) - len(kept)


def _percentiles(sizes: Sequence[int]) -> dict[str, float]:
    """What 1, 5, 50, 95 and 99 per cent of them do not exceed: beyond the outer ones an answer is suspiciously short or
    long."""
    return {f"p{share}": float(np.percentile(sizes, share)) for share in (1, 5, 50, 95, 99)} if sizes else {}


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
