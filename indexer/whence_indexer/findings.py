"""What a detector is given and what it reports: a text prepared for fast looking, and where something stands in it.

Values only. A finding never holds the text it was found in.
"""

from __future__ import annotations

from dataclasses import dataclass

_LOWER = bytes(code + 32 if 65 <= code < 91 else code for code in range(256))
_SHAPE = bytes(
    ord("0") if 48 <= code < 58 else ord("A") if 65 <= code < 91 else ord("a") if 97 <= code < 123 else code
    for code in range(256)
)
_WORDS = bytes(
    ord("w") if (chr(code).isalnum() and code < 128) or chr(code) in "_-" else ord(" ") for code in range(256)
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Characters `start` to `end` (excluded) of a text, on one line, of one `kind`.

    `goes_on` says that it belongs to the finding before it: the second and later lines of a private key.
    """

    kind: str
    start: int
    end: int
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text, and the same with one byte a character, in which something literal is found many times faster.

    `lower` has no capitals; in `shape` digits are `0`, capitals `A`, other letters `a`; in `words` all that a token may
    consist of is `w` and the rest a space. What is not in Latin-1 is a question mark there.
    """

    text: str
    lower: bytes
    shape: bytes
    words: bytes

    @classmethod
    def of(cls, text: str) -> Prepared:
        """`text`, prepared."""
        data = text.encode("latin-1", "replace")
        return cls(text, data.translate(_LOWER), data.translate(_SHAPE), data.translate(_WORDS))
