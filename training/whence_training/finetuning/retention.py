"""Whether a model still reads what is of no repository: questions about made-up sentences, the same each time."""

from __future__ import annotations

import random
from collections.abc import Callable

from whence_server.generation.drafting import write
from whence_server.generation.generator import Generator
from whence_training.evaluation.judging import bare
from whence_training.finetuning.pace import paced
from whence_training.reader.recall import recall_record

_WORDS = (
    "harbour merchant lantern orchard copper velvet timber anchor bridge cellar garden mirror winter letter ribbon "
    "castle marble basket candle feather kettle ladder needle pepper saddle thunder violin window carpet engine "
    "carries follows gathers repairs measures answers delays divides covers empties opens paints quietly slowly"
).split()


def retained(generator: Generator, note: Callable[[str], None] = lambda message: None, count: int = 24) -> float:
    """Share of made-up questions that it answers with the right sentence, or rightly not at all."""
    chance = random.Random(0)
    records = [recall_record(_WORDS, chance) for _ in range(count)]
    right = 0
    for record in paced(records, f"{generator.model.name} reads", note):
        written = write(generator, record.question, record.passages, unsupported="drop")
        wanted = bare(record.answer)
        right += bare(written.text) == wanted if written.cited else bare(written.generated.text) == wanted
    return right / count
