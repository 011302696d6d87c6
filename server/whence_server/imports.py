"""What the imports of a file say of a name: from where it comes, in any language, without resolving a package.

Pure. A file that an import means is recognised by its place, where that is told, or by the words of its path. What
another project's module brings in is in no file here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

_MOST = 200_000  # characters of a file that are looked through: imports are at its top, or near what uses them
# How far each part may reach is bounded: what is no statement after all was read in vain, at every line.
_STATEMENT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<python>[\w.]+)[ \t]+import[ \t]+(?:\([^)]{0,4000}+\)|[^\n]*)"
    r"|(?:import|export)\b[^;'\"(){\n]{0,400}(?:\{[^{}'\"()]{0,4000}+\}[^;'\"()\n]{0,40}?)?"
    r"\bfrom[ \t]*['\"](?P<javascript>[^'\"\n]*)['\"]"
    r"|(?:const|let|var|local)\b[^=;\n]*=[^;\n'\"]*\brequire\b[ \t(]*['\"](?P<required>[^'\"\n]*)['\"]"
    r"|(?:pub(?:\([^)\n]{0,100}\))?[ \t]+)?use[ \t]+(?P<used>[\w:\\]+)[^;]{0,2000}+;"  # Rust, PHP
    r"|import[ \t]*\((?P<group>[^)]{0,4000}+)\)"  # Go
    r"|(?:import|using|alias|require|require_relative|use|\#[ \t]*include)\b[^\n;\w'\"<]*"
    r"(?:static[ \t]+|qualified[ \t]+)?['\"<]?(?P<other>[\w./\\:@-]+)[^\n;]*)",
    re.MULTILINE,
)
_WORD = re.compile(r"[^\W\d]\w*")
_SEGMENT = re.compile(r"[^./:\\]+")
_ALL = re.compile(r"\bimport[ \t]+\*|::\*|\.\*|\._\s*$|\{[^}]*\*[^}]*\}")
_OWN = {"crate", "self", "super"}  # Rust's words for this project
_FOREIGN = {"std", "core", "alloc", "java", "javax"}  # libraries whose names a folder here may have
_ROOTS = {"src", "lib", "index", "mod", "main", "init", "__init__", "test", "tests", "internal"}


@dataclass(frozen=True, slots=True)
class Import:
    """One statement: the module it names, all words in it, and whether it brings in all that there is."""

    module: str
    words: frozenset[str]
    everything: bool

    def means(self, path: str, name: str, asked_in: str, project: str) -> bool:
        """Whether `name`, imported so in the file `asked_in`, may be defined in the file `path` of this project."""
        target = self._target(asked_in)
        if target is not None:
            place = path.rpartition(".")[0]
            return place == target or posixpath.dirname(place) == target or place.startswith(f"{target}/")
        segments = [_plain(segment) for segment in _SEGMENT.findall(self.module)]
        parts = PurePosixPath(path).parts
        known = {_plain(part) for part in (*parts[:-1], parts[-1].partition(".")[0])}
        here = segments[:1] and (segments[0] in known | _OWN or _plain(project) in segments[-3:])
        if not here or segments[0] in _FOREIGN:
            return False
        words = {*segments, *map(_plain, self.words - {name})}
        return bool(_names(parts) & words) or segments[-1:] == [_plain(project)]

    def _target(self, asked_in: str) -> str | None:
        """The place, without an ending, that a relative import names."""
        folder = posixpath.dirname(asked_in)
        if self.module.startswith(("./", "../")) or self.module in (".", ".."):
            return re.sub(r"\.\w{1,4}$", "", posixpath.normpath(posixpath.join(folder, self.module)))
        if dots := len(self.module) - len(self.module.lstrip(".")):  # Python's
            up = posixpath.join(folder, *[".."] * (dots - 1), *self.module[dots:].split("."))
            return posixpath.normpath(up).removeprefix("./")
        return None


def imports_of(text: str, name: str) -> list[Import]:
    """The imports that bring in `name`, or of which it is the module."""
    return [each for each in imports(text) if name in each.words]


@lru_cache(maxsize=32)
def imports(text: str) -> Sequence[Import]:
    """All imports of a text."""
    return tuple(_imports(text))


def is_module(line: str, end: int) -> bool:
    """Whether the word that ends at `end` of a line of an import is a part of the module's name."""
    return _STATEMENT.match(line) is not None and re.match(r"::|[./]|[\w.]*\s+import\b", line[end:]) is not None


def _imports(text: str) -> Iterator[Import]:
    for match in _STATEMENT.finditer(text, 0, _MOST):
        if match["group"] is not None:
            for line in match["group"].split("\n"):
                yield Import(line.strip().split(" ")[-1].strip('"'), frozenset(_WORD.findall(line)), False)
            continue
        module = next(filter(None, match.group("python", "javascript", "required", "used", "other")), "")
        yield Import(module, frozenset(_WORD.findall(match[0])), _ALL.search(match[0]) is not None)


def _names(parts: Sequence[str]) -> set[str]:
    """What a file may be called by: its own name and its folder's, but for names that every project has."""
    stem = parts[-1].partition(".")[0]
    names = {stem, *parts[-2:-1]} - _ROOTS or set(parts[-3:-1]) - _ROOTS
    return {_plain(name) for name in names}


def _plain(word: str) -> str:
    return word.replace("-", "").replace("_", "").lower()
