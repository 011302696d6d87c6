"""What the imports of a file say of a name: from where it comes, in any language, without resolving a package.

Pure. A file that an import means is recognised by the words of its path.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

_STATEMENT = re.compile(
    r"^[ \t]*(?:from[ \t]+[\w.]+[ \t]+import[ \t]+(?:\([^)]*\)|[^\n]*)"  # Python
    r"|(?:import|export)\b[^;'\"()]*?\bfrom[ \t]*['\"][^'\"\n]*['\"]"  # JavaScript
    r"|(?:const|let|var|local)\b[^=;\n]*=[^;\n]*\brequire\b[^;\n]*"
    r"|(?:pub(?:\([^)]*\))?[ \t]+)?use[ \t][^;]{1,2000};"  # Rust, PHP
    r"|import[ \t]*\([^)]*\)"  # Go
    r"|(?:import|using|alias|require|require_relative|use|\#[ \t]*include)\b[^\n;]*)",
    re.MULTILINE,
)
_WORD = re.compile(r"[^\W\d]\w*")
_ALL = re.compile(r"\bimport[ \t]+\*|::\*|\.\*|\._\s*$|\{[^}]*\*[^}]*\}")
_ROOTS = {"src", "lib", "index", "mod", "main", "init", "__init__", "crate", "self", "super", "test", "tests", "internal"}


@dataclass(frozen=True, slots=True)
class Import:
    """One statement: the words in it, and whether it brings in all that there is."""

    words: frozenset[str]
    everything: bool

    def means(self, path: str) -> bool:
        """Whether a file's name, or its folder's, is among the words; names that every project has do not count."""
        parts = PurePosixPath(path).parts
        names = {parts[-1].partition(".")[0], *parts[-2:-1]} - _ROOTS
        if parts[-1].partition(".")[0] in _ROOTS:
            names |= set(parts[-3:-1]) - _ROOTS
        return bool({_plain(name) for name in names} & {_plain(word) for word in self.words})


def imports_of(text: str, name: str) -> list[Import]:
    """The imports that bring in `name`, or of which it is the module."""
    return [each for each in imports(text) if name in each.words]


@lru_cache(maxsize=32)
def imports(text: str) -> Sequence[Import]:
    """All imports of a text; each line of a group of Go's is one."""
    found = []
    for match in _STATEMENT.finditer(text):
        lines = match[0].split("\n") if re.match(r"\s*import\s*\(", match[0]) else [match[0]]
        found += [Import(frozenset(_WORD.findall(line)), _ALL.search(line) is not None) for line in lines]
    return tuple(found)


def _plain(word: str) -> str:
    return word.replace("-", "").replace("_", "").lower()
