"""The tokens of a model as its worker makes them: training reads just what serving will feed.

Holds the model's file open; close it when done. Needs the `[model]` extra.
"""

from __future__ import annotations

from pathlib import Path

import llama_cpp.llama_cpp as ll

from whence_server.generation.chat import frame, prompt_tokens
from whence_server.generation.engine import Engine


class ServedTongue:
    """See `examples.Tongue`. `end` ends a message in the model's template, or a text where it has none."""

    def __init__(self, file: Path) -> None:
        """Raises `EngineError` where llama.cpp cannot load the file."""
        self._engine = Engine(file, 0)
        self._parts, _ = frame(self._engine.chat_template())
        turn = ll.llama_vocab_eot(self._engine.vocab)
        self.end = int(turn if turn >= 0 else ll.llama_vocab_eos(self._engine.vocab))

    def encode(self, text: str) -> list[int]:
        """The tokens of a text."""
        return self._engine.tokenize(text)

    def piece(self, token: int) -> bytes:
        """The text of a token, which may be a part of a character."""
        return self._engine.piece(token)

    def prompt(self, system: str, user: str) -> list[int]:
        """The tokens of a prompt, up to where the answer begins."""
        return prompt_tokens(self._engine, self._parts, system, user)[0]

    def close(self) -> None:
        """Give back its memory."""
        self._engine.close()
