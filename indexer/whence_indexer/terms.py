"""Text -> the words it is searched by: identifiers split at underscores, case and digits, and whole besides.

Pure. The same function serves the index and the query, so that both sides agree.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:_+[^\W_]+)*")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
_MAX_WORD = 60  # longer runs are data: hashes, encoded bytes
_MAX_COUNT = 3  # BM25 saturates: more repetitions cost space and change no ranking


@lru_cache(maxsize=1 << 16)
def split_word(word: str) -> tuple[str, ...]:
    """`getHTTPResponse_v2` -> get, http, response, v, 2, gethttpresponsev2; a plain word gives itself."""
    parts = tuple(part.lower() for part in _PART.findall(word))
    return parts if len(parts) == 1 else (*parts, word.replace("_", "").lower())


@lru_cache(maxsize=1 << 16)
def split_name(name: str) -> tuple[str, ...]:
    """The distinct parts of a name, without the name as a whole: `getHTTPResponse` -> get, http, response."""
    parts = (split_word(word) for word in _WORD.findall(name))
    return tuple(dict.fromkeys(part for each in parts for part in (each if len(each) == 1 else each[:-1])))


def words(text: str) -> list[str]:
    """All words of `text` in order, lower case."""
    return [part for word in _WORD.findall(text) if len(word) <= _MAX_WORD for part in split_word(word)]


def word_bag(*texts: str) -> str:
    """The words of all `texts` for the full-text index, sorted; a frequent one is repeated a few times only."""
    counts: Counter[str] = Counter()
    for text in texts:
        for word, count in Counter(_WORD.findall(text)).items():
            if len(word) <= _MAX_WORD:
                for part in split_word(word):
                    counts[part] += count
    return " ".join(" ".join([word] * min(count, _MAX_COUNT)) for word, count in sorted(counts.items()))
