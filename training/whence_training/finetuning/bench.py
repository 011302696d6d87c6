"""The questions that measure, with what search finds of them, and models that answer them -> reports.

Opened for one stage; adapters are switched over one loaded base. What is compared is asked over what one search found.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

from whence_indexer.workspace import Workspace
from whence_server.answering import EXTRACTIVE
from whence_server.generation.generator import Generator
from whence_server.generation.local import Workers
from whence_server.types import Model
from whence_training.config import Evaluation
from whence_training.evaluation.answered import Answered
from whence_training.evaluation.encoders import local_encoder
from whence_training.evaluation.evaluating import evaluate
from whence_training.evaluation.names import Inventory
from whence_training.evaluation.report import Report
from whence_training.finetuning.answering import Asked, answer_records, ask, quote_records
from whence_training.finetuning.base import Base
from whence_training.gguf_export import write_adapter
from whence_training.qa.record import Record
from whence_training.run import Run

_PATIENCE = 600.0  # seconds for a model to load: nobody waits at a keyboard
_ASKED = TypeAdapter(list[Asked])


@dataclass(frozen=True)
class Bench:
    """The questions as they are served, and who may be asked them."""

    run: Run
    base: Base
    workers: Workers
    dataset: str
    inventory: Inventory

    def ask(self, records: Sequence[Record]) -> list[Asked]:
        """What search finds now of each."""
        searcher = Workspace(self.run.repository).current()
        return ask(records, "retrieval", searcher, self.run.repository, self.run.note, _sets(self.run))

    def report(self, generator: Generator, asked: Sequence[Asked], without: Sequence[str] = ()) -> Report:
        """What it answers, and how well, by the metrics that are configured but those `without`."""
        wanted = tuple(name for name in self.run.config.evaluation.metrics if name not in without)
        answered = list(answer_records(asked, generator, self.run.note, "perplexity" in wanted))
        return self._judged(answered, asked, wanted, generator.model.name, generator.mode)

    def current(self, asked: Sequence[Asked]) -> Report | None:
        """What answers here today, a model or quotations, and how well; None where that is the base."""
        chosen = self.base.champion
        if chosen is None:
            wanted = self.run.config.evaluation.metrics
            return self._judged(list(quote_records(asked)), asked, wanted, EXTRACTIVE.name, "quote")
        if chosen.adapter is None and chosen.base == self.base.file:
            return None
        with self.workers.installed(chosen) as generator:
            return self.report(generator, asked)

    def _judged(
        self, answered: Sequence[Answered], asked: Sequence[Asked], metrics: Sequence[str], name: str, mode: str
    ) -> Report:
        settings = " and ".join(sorted({each.setting for each in asked}))
        return evaluate(
            answered,
            self.run.config.evaluation.model_copy(update={"metrics": tuple(metrics)}),
            model=name,
            dataset=self.dataset,
            encoder=local_encoder() if "bertscore" in metrics else None,
            inventory=self.inventory,
            facts={"evidence": settings, "mode": mode, "base": self.base.digest},
        )

    @contextmanager
    def untuned(self) -> Iterator[Generator]:
        """The base as it is."""
        with self.workers.file(self.base.file) as generator:
            yield replace(generator, model=Model(self.base.name), mode=self.base.mode)

    @contextmanager
    def tuned(self, adapter: Path, name: str, cache: Path) -> Iterator[Generator]:
        """The base with what PEFT saved in `adapter`, written as GGUF into `cache`."""
        cache.mkdir(parents=True, exist_ok=True)
        file = write_adapter(adapter, cache / f"{name}.gguf", self.base.blocks)
        with self.workers.file(self.base.file) as generator:
            yield replace(generator, model=Model(name), mode=self.base.mode, adapter=file)


@contextmanager
def opened(run: Run, base: Base, dataset: str, inventory: Inventory) -> Iterator[Bench]:
    """A bench whose workers end with it."""
    workers = Workers(run.note, _PATIENCE)
    try:
        yield Bench(run, base, workers, dataset, inventory)
    finally:
        workers.close()


def write_asked(file: Path, asked: Sequence[Asked]) -> None:
    """Keep what was found of the questions: who is asked later is shown the same, however the index has moved."""
    file.write_bytes(_ASKED.dump_json(list(asked)) + b"\n")


def read_asked(file: Path) -> list[Asked]:
    """What `write_asked` kept."""
    return _ASKED.validate_json(file.read_bytes())


def _sets(run: Run) -> frozenset[str]:
    """The files of questions that are named and in the repository, from its root."""
    root, told = run.repository.root.resolve(), run.config
    imports = told.dataset_generator.imports
    given = (told.finetuning.train_data, told.evaluation.eval_data)
    files = (*imports.curated, *imports.facts, *imports.label_studio, *given)
    named = [file.resolve() for file in files if file]
    return frozenset(file.relative_to(root).as_posix() for file in named if file.is_relative_to(root))


def chosen(records: Sequence[Record], told: Evaluation) -> list[Record]:
    """At most `most` of them, of each category as many as of the others, in an order that their hashes decide."""
    if not told.most or len(records) <= told.most:
        return list(records)
    decks: defaultdict[str, list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda each: hashlib.sha256(each.hash.encode()).digest()):
        decks[record.category].append(record)
    ranked = sorted((place, name) for name, deck in decks.items() for place in range(len(deck)))
    return [decks[name][place] for place, name in ranked[: told.most]]
