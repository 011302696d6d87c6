"""Examples without end: records in random order, cut down or whole, mixed with made-up ones. Imports torch.

On a machine with a GPU they are made by processes of their own, which keep it busy.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from whence_training.reader.recall import recall_record
from whence_training.reader.records import read_record, shortened
from whence_training.reader.tokens import Codec, Example
from whence_training.reader.training import Recipe


class Stream(IterableDataset[Example]):  # type: ignore[misc, unused-ignore]
    """`lines` are records in JSON, read when their turn comes; `words` are for those made up."""

    def __init__(self, lines: Sequence[str], words: Sequence[str], codec: Codec, recipe: Recipe, seed: int) -> None:
        super().__init__()
        self._lines, self._words, self._codec, self._recipe, self._seed = lines, words, codec, recipe, seed

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        chance = random.Random(f"{self._seed} {worker.id if worker else 0}")
        while True:
            if chance.random() < self._recipe.recall:
                yield self._codec.example(recall_record(self._words, chance))
                continue
            record = read_record(json.loads(chance.choice(self._lines)))
            short = shortened(record, chance) if chance.random() < self._recipe.short else record
            if short is not None and len(short.choices) > 1:
                yield self._codec.example(short)


def examples(stream: Stream) -> Iterator[Example]:
    """The examples of a stream, made beside the training where that runs on a GPU."""
    workers = (os.cpu_count() or 1) if torch.cuda.is_available() else 0
    return iter(DataLoader(stream, batch_size=None, num_workers=workers))
