"""What brings a part of this program that is not installed: a command for this very Python.

It names the packages that the part needs, never this program: what a package index has by its name may be another's.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator

_NAME = "whence"


def command(*extras: str) -> str:
    """What to type in a shell for these extras of pyproject.toml; if it was never installed, in its folder."""
    needed = sorted({each for extra in extras for each in _needed(extra)}, key=str.lower)
    wanted = needed or ["-e", f".[{','.join(extras)}]"]
    return " ".join(map(_quoted, [sys.executable, "-m", "pip", "install", *wanted]))


def _needed(extra: str) -> Iterator[str]:
    """The requirements of an extra, and those of the extras that it names."""
    from packaging.requirements import Requirement

    for told in _requirements():
        one = Requirement(told)
        if one.marker is None or not one.marker.evaluate({"extra": extra}) or one.marker.evaluate({"extra": ""}):
            continue
        if one.name == _NAME:
            for other in one.extras:
                yield from _needed(other)
        else:
            one.marker = None
            yield str(one)


def _requirements() -> list[str]:
    from importlib.metadata import PackageNotFoundError, requires

    try:
        return requires(_NAME) or []
    except PackageNotFoundError:
        return []


def _quoted(word: str) -> str:
    """For a shell of this system; cmd.exe knows no other quotes, and PowerShell runs no program that is quoted."""
    if os.name != "nt":
        return shlex.quote(word)
    return word if re.fullmatch(r"[\w.:\\-]+", word) else f'"{word}"'
