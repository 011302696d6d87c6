"""Question and verified passages -> a draft that a model wrote, each statement held to the passages it cites.

Takes a `Generator` and passages, best first, that are known to stand where they say. Decides nothing about retrieval.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from whence_server.errors import PromptError, UnquotableError
from whence_server.generation.generator import Check, Generated, Generator, Request, Told
from whence_server.generation.prompt import Prompt, system_text, trimmed
from whence_server.generation.quoting import Sentence, chosen, offered, quote_grammar
from whence_server.generation.rendering import Lines, cited
from whence_server.generation.writing import Statement, statements, write_grammar
from whence_server.markup import plain
from whence_server.passages import Passage

Unsupported = Literal["mark", "drop"]  # what becomes of a sentence that its passages do not bear out

_ANSWER = {"quote": 384, "write": 320}  # tokens
_SMALLEST_ANSWER = 48
_FRAME = 32  # tokens of a chat template, amply
_MARK = " _(not found in the evidence)_"


@dataclass(frozen=True, slots=True)
class Written:
    """An answer by a model. `text` is Markdown, without receipts; `cited` are the numbers, from 1, of the passages of
    `evidence`, which it was shown, in it.

    Empty `cited`: it did not know, or nothing that it said is borne out. `trimmed` passages had no room; `unsupported`
    sentences are marked in the text or were left out. `first_token` is in seconds from the call.
    """

    text: str
    cited: tuple[int, ...]
    evidence: Sequence[Passage]
    generated: Generated
    trimmed: int
    unsupported: int
    first_token: float


def write(
    generator: Generator,
    question: str,
    passages: Sequence[Passage],
    told: Told = lambda text: None,
    check: Check = lambda: None,
    unsupported: Unsupported = "mark",
    asker: str = "",
) -> Written:
    """Have the question answered. `told` hears what can be shown as it comes.

    Raises `GenerationError`, or whatever `check` raises to stop it.
    """
    system = system_text(generator.mode)
    prompt, answer = fitted(generator, question, passages, check)
    if generator.mode == "quote":
        return _quoted(generator, _Task(system, prompt, passages, answer, asker), told, check)
    return _free(generator, _Task(system, prompt, passages, answer, asker), told, check, unsupported)


@dataclass(frozen=True, slots=True)
class _Task:
    system: str
    prompt: Prompt
    passages: Sequence[Passage]
    answer: int
    asker: str

    @property
    def left_out(self) -> int:
        """How many passages had no room."""
        return len(self.passages) - len(self.prompt.kept)

    def request(self, grammar: str) -> Request:
        """What is asked of the model."""
        return Request(self.system, self.prompt.text, grammar, self.answer, self.asker)


def fitted(
    generator: Generator, question: str, passages: Sequence[Passage], check: Check = lambda: None
) -> tuple[Prompt, int]:
    """The prompt that fits, and the tokens left for the answer."""
    system = system_text(generator.mode)
    context = generator.context(check)
    answer = max(_SMALLEST_ANSWER, min(_ANSWER[generator.mode], context // 4))
    room = context - answer - _FRAME - generator.count([system], check)[0]
    prompt = trimmed(question, passages, room, lambda texts: generator.count(texts, check))
    if passages and not prompt.kept:
        raise PromptError(f"the model's context of {context:,} tokens has no room for the question and any evidence")
    return prompt, answer


def _quoted(generator: Generator, task: _Task, told: Told, check: Check) -> Written:
    choices = offered(task.prompt.kept)
    if not choices:  # "I don't know" would be all that it could say
        raise UnquotableError("the evidence is code without a sentence to quote")
    known = {sentence.line: sentence for sentence in choices}
    said: set[str] = set()

    def shown(line: str) -> str | None:
        if line not in known or line in said:
            return None
        said.add(line)
        return _sentence(known[line])

    first = _FirstWord(told)
    lines = Lines(first, shown)
    generated = generator.generate(task.request(quote_grammar(choices)), lines.feed, check)
    lines.end()
    found = chosen(generated.text, choices)
    numbers = dict.fromkeys(sentence.passage for sentence in found)
    text = "  \n".join(_sentence(sentence) for sentence in found)
    return Written(text, tuple(numbers), task.prompt.kept, generated, task.left_out, 0, first.after(generated))


def _free(generator: Generator, task: _Task, told: Told, check: Check, unsupported: Unsupported) -> Written:
    said: set[str] = set()

    def shown(line: str) -> str | None:
        fresh = [statement for statement in statements(line, task.prompt.kept) if statement.text not in said]
        said.update(statement.text for statement in fresh)
        return _statements(fresh, unsupported) or None

    first = _FirstWord(told)
    lines = Lines(first, shown, hold=unsupported == "drop")
    generated = generator.generate(task.request(write_grammar(len(task.prompt.kept))), lines.feed, check)
    lines.end()
    found = statements(generated.text, task.prompt.kept)
    numbers = dict.fromkeys(number for statement in found for number in statement.passages)
    text = _statements(found, unsupported)
    bad = sum(not statement.passages for statement in found)
    return Written(text, tuple(numbers), task.prompt.kept, generated, task.left_out, bad, first.after(generated))


def _sentence(sentence: Sentence) -> str:
    return cited(sentence.text, [sentence.passage])


def _statements(found: Sequence[Statement], unsupported: Unsupported) -> str:
    return "  \n".join(filter(None, (_statement(statement, unsupported) for statement in found)))


def _statement(statement: Statement, unsupported: Unsupported) -> str | None:
    if statement.passages:
        return cited(statement.text, statement.passages)
    return plain(statement.text) + _MARK if unsupported == "mark" else None


class _FirstWord:
    """Passes on what it is told, and remembers when that began."""

    def __init__(self, told: Told) -> None:
        self._told, self._started = told, time.monotonic()
        self._first: float | None = None

    def __call__(self, text: str) -> None:
        self._first = self._first or time.monotonic()
        self._told(text)

    def after(self, generated: Generated) -> float:
        """Seconds from its making to the first word, or to the end where none was shown."""
        return (self._first or time.monotonic()) - self._started
