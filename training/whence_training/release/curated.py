"""Questions written by hand, asked of a candidate as anybody asks them: what no rule has made, and nothing learnt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from whence_training.evaluation.names import Inventory
from whence_training.evaluation.report import Report
from whence_training.exchange.curated import with_answers
from whence_training.finetuning.base import Base
from whence_training.finetuning.bench import opened
from whence_training.qa.record import Record
from whence_training.run import Run


def curated_report(
    run: Run, base: Base, adapter: Path, name: str, dataset: str, files: Sequence[Path]
) -> Report | None:
    """How `adapter` answers the questions of `files`; None where there is no file.

    Raises `InputError` where nothing in them has an answer to compare with.
    """
    records = [_record(each.question, each.answer) for each in with_answers(files) if each.answer]
    if not records:
        return None
    with TemporaryDirectory() as scratch, opened(run, base, dataset, Inventory()) as bench:
        asked = bench.ask(records)
        with bench.tuned(adapter, name, Path(scratch)) as generator:
            return bench.report(generator, asked, without=("bertscore", "perplexity"))


def _record(question: str, answer: str) -> Record:
    return Record("code", "what", "medium", question, answer, (), (), "import:curated", question)
