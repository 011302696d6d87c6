"""Text -> the words it is searched by: identifiers split at underscores, case and digits, and whole besides.

Pure. The same function serves the index and the query, so that both sides agree.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from itertools import chain

_WORD = re.compile(r"[^\W_]+(?:_+[^\W_]+)*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_MAX_WORD = 60  # longer runs are data: hashes, encoded bytes
_MAX_COUNT = 3  # BM25 saturates: more repetitions cost space and change no ranking
_KNOWN = 1 << 16  # identifiers remembered with their words
# ASCII text is cut at whatever is no part of an identifier without a regular expression: four times as fast.
_SPACED = "".join(chr(code) if chr(code).isalnum() or code == ord("_") else " " for code in range(128))


def split_word(word: str) -> tuple[str, ...]:
    """`getHTTPResponse_v2` -> get, http, response, v, 2, gethttpresponsev2; a plain word gives itself."""
    parts = tuple(chain.from_iterable(map(_PARTS.__getitem__, word.split("_")))) if "_" in word else _PARTS[word]
    return parts if len(parts) == 1 else (*parts, word.replace("_", "").lower())


@lru_cache(maxsize=_KNOWN)
def split_name(name: str) -> tuple[str, ...]:
    """The distinct parts of a name, without the name as a whole: `getHTTPResponse` -> get, http, response."""
    parts = (split_word(word) for word in _WORD.findall(name))
    return tuple(dict.fromkeys(part for each in parts for part in (each if len(each) == 1 else each[:-1])))


def words(text: str) -> list[str]:
    """All words of `text` in order, lower case."""
    return list(chain.from_iterable(map(_WORDS.__getitem__, identifiers_of(text))))


def word_bag(*texts: str) -> str:
    """The words of all `texts` for the full-text index, sorted; a frequent one is repeated a few times only."""
    counts = Counter(words("\n".join(texts)))
    return "".join([f"{word} " * min(count, _MAX_COUNT) for word, count in sorted(counts.items())])[:-1]


def identifiers_of(text: str) -> list[str]:
    """The runs of letters, digits and underscores in `text`; outer underscores may be part of them."""
    return text.translate(_SPACED).split() if text.isascii() else _WORD.findall(text)


class _Memory(dict[str, tuple[str, ...]]):
    """Values of a function by its argument, remembered: most words are repeated often, in one text and in the next."""

    def __init__(self, function: Callable[[str], tuple[str, ...]]) -> None:
        super().__init__()
        self._function = function

    def __missing__(self, word: str) -> tuple[str, ...]:
        found = self._function(word)
        if len(self) >= _KNOWN:
            self.clear()
        if len(word) <= _MAX_WORD:
            self[word] = found
        return found


def _words_of(identifier: str) -> tuple[str, ...]:
    word = identifier.strip("_")
    return split_word(word) if 0 < len(word) <= _MAX_WORD else ()


_PARTS = _Memory(lambda word: tuple(part.lower() for part in _PART.findall(word)))
_WORDS = _Memory(_words_of)
