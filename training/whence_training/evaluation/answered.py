"""A question of the dataset as a model answered it: what evaluation is given, whoever answered."""

from __future__ import annotations

from dataclasses import dataclass

from whence_server.passages import Passage
from whence_training.qa.record import Record


@dataclass(frozen=True, slots=True)
class Answered:
    """`answer` is as shown, without receipts, "" where the model abstained; `cited` are numbers, from 1, of `passages`,
    the evidence of the prompt, best first. `confidence` is 0 to 1.

    `log_loss` is the summed -log p (natural) of the reference's tokens given the prompt, and how many tokens; None
    where the model tells none.
    """

    record: Record
    answer: str
    cited: tuple[int, ...]
    passages: tuple[Passage, ...]
    abstained: bool
    confidence: float
    seconds: float
    log_loss: tuple[float, int] | None = None
