"""Texts -> token ids, the same as the tokenizer's own, most words looked up rather than tokenized.

Takes a loaded tokenizer. One that treats words together, or that is not known not to, is asked for whole texts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Where our recipe cuts: before case is lost; then a letter run, one digit, a run of other scripts; all else separates.
CASE_BORDER = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
WORD = r"[a-z]+|[0-9]|[^\W\d_a-z]+"

_SPACED = "".join(chr(code) if chr(code).isalnum() else " " for code in range(128))
_KNOWN = 1 << 16  # runs of letters and digits remembered with their ids
_MAX_REMEMBERED = 60  # characters; a longer one is data, and does not come again


class Tokens:
    """A tokenizer with a memory: tokenizing is most of what a static embedding costs, and few words are new."""

    def __init__(self, tokenizer: Tokenizer, limit: int) -> None:
        """`limit` is the number of tokens after which a text is cut off; the tokenizer is set to it."""
        tokenizer.no_padding()
        tokenizer.enable_truncation(limit)
        self._tokenizer, self._limit = tokenizer, limit
        self._known: dict[str, list[int]] = {}
        about = json.loads(tokenizer.to_str())
        self._separable = _cuts_at_punctuation(about)
        self._marks = [token["content"] for token in about["added_tokens"]]

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, without special tokens. May be called by several threads."""
        cut = [self._runs(text) for text in texts]
        known = self._learn(set(chain.from_iterable(filter(None, cut))))
        whole = iter(self._encode([text for text, runs in zip(texts, cut, strict=True) if runs is None]))
        return [
            next(whole) if runs is None else list(chain.from_iterable(map(known.__getitem__, runs)))[: self._limit]
            for runs in cut
        ]

    def _runs(self, text: str) -> list[str] | None:
        """What to look up; None for a text whose ids are not simply those of its runs."""
        if not self._separable or not text.isascii() or any(mark in text for mark in self._marks):
            return None
        runs = text.translate(_SPACED).split()
        return runs if max(map(len, runs), default=0) <= _MAX_REMEMBERED else None

    def _learn(self, runs: set[str]) -> dict[str, list[int]]:
        """Every one of `runs` with its ids."""
        if len(self._known) > _KNOWN:
            self._known = {}  # not cleared: another thread may be reading the old one
        known = self._known
        new = [run for run in runs if run not in known]
        known.update(zip(new, self._encode(new), strict=True))
        return known

    def _encode(self, texts: list[str]) -> list[list[int]]:
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def _cuts_at_punctuation(about: dict[str, Any]) -> bool:
    """Whether ASCII text gives the ids of its runs, one after the other: known of our own recipe only."""
    steps = (about["normalizer"] or {}).get("normalizers", ())
    kinds = [step["type"] for step in steps]
    split = about["pre_tokenizer"] or {}
    return (
        kinds == ["Replace", "NFKD", "StripAccents", "Lowercase"]
        and (steps[0]["pattern"], steps[0]["content"]) == ({"Regex": CASE_BORDER}, " ")
        and split == {"type": "Split", "pattern": {"Regex": WORD}, "behavior": "Removed", "invert": True}
        and about["post_processor"] is None
    )
