"""Names -> the commits that added or removed them, from the stored hunks: what changed lines say, not messages.

Reads the store only. A hunk is stored clipped, so that a name deep in a very long one is not seen. What documentation
says of a name neither brings it nor takes it away.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from whence_indexer import schema
from whence_indexer.history import instant
from whence_indexer.languages import language_of
from whence_indexer.query import Change
from whence_indexer.ranking import is_test
from whence_indexer.store import Store, is_one_of, literal

BEFORE = (  # words before the one that declares
    r"(?:(?:export|default|declare|public|private|protected|internal|static|async|abstract|final|override|virtual"
    r"|inline|open|data|sealed|unsafe|extern|partial|suspend|readonly|constexpr|pub(?:\([^)]*\))?|template\s*<.*>"
    r"|@\w+(?:\([^)]*\))?)\s+)*"
)
DECLARES = (  # a name, in a line of a file or of a hunk
    r"^[+-]?\s*" + BEFORE + r"(?:def|defp|defmodule|class|function|fn|func|fun|struct|enum|trait|interface|impl|type"
    r"|module|const|let|var|val|static|macro|macro_rules|#?\s*define|package|object|protocol|record|namespace)\b(?![:.,=\[])"
    r"[^=(\"`]*?(?<!\w){0}(?!\w)"
    r"|^[+-]?\s*func\s*\([^)]*\)\s*{0}(?!\w)"
)
_DEFINES = DECLARES + r"|^[+-]\s*[\"']?{0}[\"']?\s*[:=](?!=)"
_DEPRECATES = re.compile(r"deprecat", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Changed:
    """A commit, and the files in which it took away (or brought) a definition, or else, not `defining`, uses.

    `names` are those it did that to, as they are spelt there.
    """

    sha: str
    paths: tuple[str, ...]
    defining: bool
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class _Lines:
    """Of one commit, by file, how many more lines it took away than it brought; the other way round for "added"."""

    definitions: Counter[str] = field(default_factory=Counter)
    uses: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files it did so in."""
        counts = self.definitions if self.definitions.total() else self.uses
        return tuple(path for path, count in counts.items() if count > 0)


def find_changes(
    store: Store, names: Sequence[str], change: Change, limit: int, within: Collection[str] | None = None
) -> list[Changed]:
    """At most `limit` commits that took away (or brought) these names, best first; of those `within`, where given.

    First those that took away a definition, the last one before the others (or brought one, the first before the
    others), then those that took away uses, in the same order. Where code defined it, tests do not count. A commit that
    moved a name as often in as out has not changed it. What deprecates a name brings a line that says so of it; where
    the last definition went so, no removal of one counts more than that of a use. A name of several words is any that
    they make, whose definitions alone count: `JSON encoder` is `JSONEncoder` and `json_encoder`.
    """
    if schema.HUNKS_TABLE not in store.state.tables:
        return []
    sign = "-" if change == "removed" else "+"
    lines: defaultdict[str, _Lines] = defaultdict(_Lines)
    deprecating: set[str] = set()
    for name in dict.fromkeys(name.rpartition(".")[2] or name for name in names):
        for sha, path, text in _hunks(store, name):
            if within is not None and sha not in within:
                continue
            said = "\n".join(line for line in text.split("\n") if line[:1] == "+" and _DEPRECATES.search(line))
            if re.search(rf"(?<!\w){_pattern(name)}(?!\w)", said):
                deprecating.add(sha)
            text = said if change == "deprecated" else text
            _count(lines[sha], path, text, _pattern(name), sign, change == "deprecated" or " " not in name)
    defining = [sha for sha, each in lines.items() if each.definitions.total() > 0]
    using = [sha for sha, each in lines.items() if each.definitions.total() == 0 and each.uses.total() > 0]
    defined = [sha for sha in defining if not all(map(is_test, lines[sha].paths))]
    if defined:
        defining, using = defined, [sha for sha in using if not all(map(is_test, lines[sha].paths))]
    if change == "deprecated":  # a use that is said to be deprecated counts as much as a definition
        defining, using = [*defining, *using], []
    dates = {sha: instant(date) for sha, date in _dates(store, [*defining, *using]).items()}
    for found in (defining, using):
        found.sort(key=lambda sha: dates[sha], reverse=change == "removed")
    if change == "removed" and deprecating.intersection(defining[:1]):
        defining, using = [], sorted([*defining, *using], key=lambda sha: dates[sha], reverse=True)
    return [
        Changed(sha, lines[sha].paths, sha in defining, tuple(name for name, _ in lines[sha].names.most_common()))
        for sha in (*defining, *using)[:limit]
    ]


def _hunks(store: Store, name: str) -> Iterator[tuple[str, str, str]]:
    """(commit, path, text) of the changes of code that hold a name."""
    if " " in name:
        spelt = (separator.join(name.lower().split()) for separator in ("", "_", "-"))
        where = " OR ".join(f"lower(text) LIKE {literal(f'%{each}%')}" for each in spelt)
    else:
        where = f"text LIKE {literal(f'%{name}%')}"
    rows = store.rows(schema.HUNKS_TABLE, ["sha", "path", "text"], where).to_pydict()
    for sha, path, text in zip(rows["sha"], rows["path"], rows["text"], strict=True):
        if language_of(path).kind == "code":
            yield sha, path, text


def _pattern(name: str) -> str:
    return rf"(?i:{'[_-]?'.join(map(re.escape, name.split()))})" if " " in name else re.escape(name)


def _count(counts: _Lines, path: str, text: str, name: str, sign: str, spelt: bool) -> None:
    """Count the lines of one hunk: those that define the name, and those that use it if it is spelt as it is."""
    used, defines = re.compile(rf"(?<!\w){name}(?!\w)"), re.compile(_DEFINES.format(name))
    for line in text.split("\n"):
        match = used.search(line) if line[:1] in "+-" else None
        defining = match is not None and defines.search(line) is not None
        if match and (defining or spelt):
            (counts.definitions if defining else counts.uses)[path] += 1 if line[0] == sign else -1
            counts.names[match[0]] += defining


def _dates(store: Store, shas: Sequence[str]) -> dict[str, str]:
    where = is_one_of("sha", shas)
    rows = store.rows(schema.COMMITS_TABLE, ["sha", "date"], where).to_pylist() if shas else []
    return {row["sha"]: row["date"] for row in rows}
