"""`.whenceallow`: values that look like secrets or personal data and may be kept all the same.

The file's text in, an `Allowed` out, and a problem for each line that is neither. See docs/redaction.md.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from whence_indexer import plumbing
from whence_indexer.errors import RepositoryError
from whence_indexer.repository import Repository
from whence_indexer.types import Problem

FILE = ".whenceallow"
_MAX_BYTES = 1_000_000
_HASH = re.compile(r"sha256:([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Allowed:
    """The digests (SHA-256, hexadecimal) of exact values, and patterns with `*` and `?` that whole values match.

    Patterns are not regular expressions: a repository must not be able to keep the indexer busy for hours.
    """

    digests: frozenset[str] = frozenset()
    patterns: tuple[str, ...] = ()

    def holds(self, value: str) -> bool:
        """Whether `value` may be kept."""
        if self.digests and hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest() in self.digests:
            return True
        return any(fnmatchcase(value, pattern) for pattern in self.patterns)

    @property
    def name(self) -> str:
        """Equal for equal lists, '' for the empty one: what an index was redacted with."""
        if not self.digests and not self.patterns:
            return ""
        return hashlib.sha256("\n".join([*sorted(self.digests), *self.patterns]).encode()).hexdigest()[:32]


NOTHING = Allowed()


def read_allowed(repository: Repository) -> tuple[Allowed, list[Problem]]:
    """What the repository's list allows: as it is on disk, or as committed where the repository is bare."""
    try:
        if repository.bare:
            data = plumbing.run(repository.root, "cat-file", "blob", f"HEAD:{FILE}")
        else:
            with (repository.root / FILE).open("rb") as file:
                data = file.read(_MAX_BYTES)
    except (FileNotFoundError, RepositoryError):
        return NOTHING, []
    except OSError as error:
        return NOTHING, [Problem(FILE, error.strerror or "cannot be read")]
    return parse_allowed(data.decode("utf-8-sig", "replace"))


def parse_allowed(text: str) -> tuple[Allowed, list[Problem]]:
    """`sha256:…`, or `value:` and a pattern, one a line; blank lines and those that begin with `#` say nothing."""
    digests, patterns, problems = set(), [], []
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.strip()
        if not entry or entry.startswith("#"):
            continue
        if match := _HASH.fullmatch(entry):
            digests.add(match[1].lower())
        elif entry.startswith("value:") and entry.removeprefix("value:").strip("*? "):
            patterns.append(entry.removeprefix("value:").strip())
        else:
            problems.append(Problem(f"{FILE}:{number}", "neither sha256: with 64 digits nor value: with a pattern"))
    return Allowed(frozenset(digests), tuple(patterns)), problems
