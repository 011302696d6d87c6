"""The most likely token that a grammar allows, and its probability: logits in, one token out.

Lives in the worker's process. Greedy, so that the same question gives the same answer.
"""

from __future__ import annotations

import ctypes

import llama_cpp.llama_cpp as ll
import numpy as np
from numpy.typing import NDArray

# A look at all tokens of a large vocabulary takes as long as computing one; mostly one of the likeliest is allowed.
_STEPS = (1, 64, 2048)
_TOKEN = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])


class GrammarError(Exception):
    """llama.cpp cannot make sense of the grammar."""


class Constraint:
    """A grammar at its beginning; without one every token is allowed. Always `close` it."""

    def __init__(self, vocab: object, grammar: str | None) -> None:
        """Raises `GrammarError`."""
        self._sampler = None
        if grammar is not None:
            if grammar.strip():  # an empty one would allow everything
                self._sampler = ll.llama_sampler_init_grammar(vocab, grammar.encode(), b"root")
            if not self._sampler:
                raise GrammarError("the grammar makes no sense")

    def choose(self, logits: NDArray[np.float32]) -> int | None:
        """The likeliest token of those allowed; None where none is."""
        best = int(logits.argmax())
        if self._sampler is None or self._allowed(np.array([best]), logits).size:
            return best
        for count in _STEPS[1:]:
            if count < logits.size:
                likeliest = np.argpartition(logits, -count)[-count:]
                if (allowed := self._allowed(likeliest, logits)).size:
                    return int(allowed[logits[allowed].argmax()])
        allowed = self._allowed(np.arange(logits.size), logits)
        return int(allowed[logits[allowed].argmax()]) if allowed.size else None

    def accept(self, token: int) -> None:
        """Go on after a token that `choose` returned: any other would end the process."""
        if self._sampler is not None:
            ll.llama_sampler_accept(self._sampler, token)

    def close(self) -> None:
        """Give back its memory. Harmless when repeated."""
        if self._sampler is not None:
            ll.llama_sampler_free(self._sampler)
            self._sampler = None

    def _allowed(self, tokens: NDArray[np.int64], logits: NDArray[np.float32]) -> NDArray[np.int32]:
        candidates = np.zeros(tokens.size, _TOKEN)
        candidates["id"], candidates["logit"] = tokens, logits[tokens]
        pointer = candidates.ctypes.data_as(ctypes.POINTER(ll.llama_token_data))
        array = ll.llama_token_data_array(data=pointer, size=tokens.size, selected=-1, sorted=False)
        ll.llama_sampler_apply(self._sampler, ctypes.byref(array))
        allowed: NDArray[np.int32] = candidates["id"][np.isfinite(candidates["logit"])]
        return allowed


def log_probability(logits: NDArray[np.float32], token: int) -> float:
    """The natural logarithm of what the model gives `token`, before any grammar."""
    most = float(logits.max())
    return float(logits[token]) - most - float(np.log(np.exp(logits - most).sum()))
