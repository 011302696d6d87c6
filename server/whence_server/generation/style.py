"""The answer style, read from `style.toml`: the same for whoever generates, trains, evaluates and serves.

Read once, when it is imported. Its hash tells whether two of them meant the same.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Style:
    """The rules as one text, and what is said where the evidence does not answer."""

    text: str
    unknown: str

    @property
    def hash(self) -> str:
        """SHA-256 of both."""
        return hashlib.sha256(f"{self.text}\0{self.unknown}".encode()).hexdigest()


def _read() -> Style:
    held = tomllib.loads(Path(__file__).with_name("style.toml").read_text("utf-8"))
    return Style(" ".join(held["rules"]).format(unknown=held["unknown"]), held["unknown"])


STYLE = _read()
