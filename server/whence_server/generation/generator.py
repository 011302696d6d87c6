"""What writes, as the rest of the server sees it: a prompt and a grammar in, words out, and an end to it at any time.

Values and one protocol; whoever answers questions knows nothing else of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from whence_server.generation.confidence import Calibration
from whence_server.models.manifest import Mode
from whence_server.types import Model

# What a stopped question raises is raised through, so that whoever asked finds their own error.
Check = Callable[[], object]
Told = Callable[[str], object]

# end: it had no more to say; length: it was cut; stuck: nothing that the grammar allows can be said in its tokens.
Finish = Literal["end", "length", "stuck"]


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt in two parts: `system` is the same for every question, so that its work is kept.

    `grammar` is GBNF with a rule `root`. `asker` names whose turn it takes: several askers are served in turn.
    """

    system: str
    user: str
    grammar: str | None = None
    max_tokens: int = 320
    asker: str = ""


@dataclass(frozen=True, slots=True)
class Generated:
    """What was written. `logprobs` are the natural logarithms of each token's probability, without the grammar.

    `reused` of the `prompt_tokens` were known from before; `first_token` and `total` are seconds.
    """

    text: str
    finish: Finish
    logprobs: tuple[float, ...]
    prompt_tokens: int
    reused: int
    first_token: float
    total: float


class Generator(Protocol):
    """A model that writes. Every method may be called from any thread and may raise `GenerationError`."""

    @property
    def model(self) -> Model:
        """Its name and version, as answers show them."""
        ...

    @property
    def mode(self) -> Mode:
        """How it answers: quote or write."""
        ...

    @property
    def calibration(self) -> Calibration:
        """What the probabilities of its words say of an answer."""
        ...

    def context(self, check: Check = ...) -> int:
        """How many tokens a prompt and its answer may have together; waits until the model is loaded."""
        ...

    def count(self, texts: Sequence[str], check: Check = ...) -> list[int]:
        """How many tokens each text has."""
        ...

    def generate(self, request: Request, told: Told = ..., check: Check = ...) -> Generated:
        """Write, each piece of text told as it comes.

        `check` is called many times a second, and may raise to stop it: at once, also while the prompt is read.
        """
        ...
