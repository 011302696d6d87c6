"""What a detector reports: where in a text something stands that must not be stored, and of which kind it is.

Values only. A finding never holds the text it was found in.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Characters `start` to `end` (excluded) of a text, on one line, of one `kind`.

    `goes_on` says that it belongs to the finding before it: the second and later lines of a private key.
    """

    kind: str
    start: int
    end: int
    goes_on: bool = False
