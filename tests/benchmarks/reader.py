"""`python -m tests.benchmarks.reader`: a reader beside the composer of quotations, on projects neither learned from.

Takes the records that `whence_training.reader collect` wrote and a GGUF file, which is asked through its worker as it
is served. The same passages are before both.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from contextlib import closing
from pathlib import Path
from statistics import fmean

from tests.benchmarks.markdown import measured, number, table, write_section

from whence_indexer.embedder import load_embedder
from whence_server.generation.local import Workers
from whence_training.reader.exam import Answerer, composer, examine, first, reader
from whence_training.reader.records import Record, read_record
from whence_training.reader.steps import load


def main() -> None:
    """Examine, print, and write where asked."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=Path, required=True)
    options.add_argument("--model", type=Path, required=True, help="a GGUF file")
    options.add_argument("--questions", type=int, default=400, help="of all projects together")
    options.add_argument("--curve", type=Path, help="curve.csv of its training")
    options.add_argument("--write", type=Path, metavar="FILE", help="put the table into this page")
    chosen = options.parse_args()
    held = {
        name: [read_record(json.loads(line)) for line in lines] for name, lines in load(chosen.records, True).items()
    }
    report = f"{measured()}\n\n{_report(held, chosen.model, chosen.questions)}"
    if chosen.curve:
        report += f"\n\nIts training, in ten parts:\n\n{_curve(chosen.curve)}"
    print(report)
    if chosen.write:
        write_section(chosen.write, "reader", report)


def _report(held: dict[str, list[Record]], model: Path, questions: int) -> str:
    chance, embedder = random.Random(0), load_embedder()
    drawn = {name: chance.sample(found, min(len(found), questions // len(held))) for name, found in held.items()}
    asked = [record for found in drawn.values() for record in found]
    of = {id(record): name for name, found in drawn.items() for record in found}
    composing = {name: composer(found, embedder) for name, found in held.items()}
    insisting = {name: composer(found, embedder, abstains=False) for name, found in held.items()}
    rows = []
    with closing(Workers()) as workers, workers.file(model) as generator:
        answerers: dict[str, Answerer] = {
            f"reader, {model.name}": reader(generator),
            "composer of quotations": lambda record: composing[of[id(record)]](record),
            "the same, never abstaining": lambda record: insisting[of[id(record)]](record),
            "first sentence of the best passage": first,
        }
        for name, answerer in answerers.items():
            for kind, records in _groups(asked).items():
                marks = examine(records, answerer)
                shares = (marks.sentence, marks.passage, marks.rouge, marks.precision, marks.recall)
                rows.append([f"{name}: {kind}", str(len(records)), *(number(share, 2) for share in shares)])
    header = ("answers by: questions", "count", "right sentence", "right citation", "ROUGE-L", "abstention: precision")
    return f"{len(drawn)} projects.\n\n{table((*header, 'recall'), rows)}"


def _curve(file: Path) -> str:
    """Means over the tenths of a training."""
    with file.open(newline="") as lines:
        steps = list(csv.DictReader(lines))
    size = -(-len(steps) // 10)
    rows = []
    for part in (steps[start : start + size] for start in range(0, len(steps), size)):
        means = [fmean(float(step[name]) for step in part) for name in ("right", "choice", "answer")]
        rows.append([f"{int(part[-1]['tokens']):,}", *(number(mean, 2) for mean in means)])
    return table(("tokens so far", "answered rightly", "loss of the choice", "loss of all the answer"), rows)


def _groups(records: list[Record]) -> dict[str, list[Record]]:
    """All, and those of each origin that have an answer."""
    kinds = {"words": "of words of a sentence", "name": "of a definition's name", "heading": "of a heading"}
    groups = {shown: [record for record in records if record.kind == kind] for kind, shown in kinds.items()}
    return {"all": records, **{shown: found for shown, found in groups.items() if found}}


if __name__ == "__main__":
    main()
