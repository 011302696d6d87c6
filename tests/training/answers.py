"""Records of a small shop, and answers to them, for tests of what judges answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from whence_training.evaluation.answered import Answered
from whence_training.qa.record import Evidence, Quote, Record

CART = '''def add(self, item: str) -> None:
    """Puts an item into the cart and counts it."""
    self.items[item] += 1'''


def code(text: str = CART, path: str = "shop/cart.py", start: int = 10, symbol: str = "Cart.add") -> Evidence:
    return Evidence("code", text, path, start, symbol)


def commit(text: str = "Refuse items that are sold out\n\nAuthor: Ada Author", sha: str = "ab12cd34ef" * 4) -> Evidence:
    return Evidence("commit", text, commit=sha, date="2024-03-02")


def record(
    question: str = "What does `Cart.add` do?",
    answer: str = "Puts an item into the cart and counts it.",
    context: tuple[Evidence, ...] = (),
    **told: Any,
) -> Record:
    shown = context or (code(),)
    quotes = (Quote(0, answer),) if told.get("answerable", True) else ()
    made = Record("code", "what", "easy", question, answer, shown, quotes, "rules:documentation", "g")
    return replace(made, **told)


def unanswerable(question: str = "What does `Cart.fly` do?", **told: Any) -> Record:
    return record(question, "I don't know.", answerable=False, **told)


def answered(asked: Record, answer: str | None, cited: tuple[int, ...] = (1,), **told: Any) -> Answered:
    """`answer` as given over the record's own evidence; None: abstained."""
    silent = answer is None
    given = Answered(
        asked, answer or "", () if silent else cited, tuple(e.passage() for e in asked.context), silent, 0.8, 0.5
    )
    return replace(given, **told)


def right(asked: Record, **told: Any) -> Answered:
    return answered(asked, f"{asked.answer} [1]" if asked.answerable else None, **told)
