"""Names -> the commits that added or removed them, from the stored hunks: what changed lines say, not messages.

Reads the store only. A hunk is stored clipped, so that a name deep in a very long one is not seen. What documentation
says of a name neither brings it nor takes it away.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from whence_indexer import schema
from whence_indexer.history import instant
from whence_indexer.languages import language_of
from whence_indexer.query import Change
from whence_indexer.store import Store, is_one_of, literal

_DEFINES = (
    r"\b(?:def|class|function|fn|func|fun|struct|enum|trait|interface|impl|type|module|const|let|var|val|static|macro"
    r"|define|package)\b[^=(]*?(?<!\w){0}(?!\w)"
    r"|\bfunc\s*\([^)]*\)\s*{0}(?!\w)|^[+-]\s*[\"']?{0}[\"']?\s*[:=](?!=)"
)


@dataclass(frozen=True, slots=True)
class Changed:
    """A commit, and the files in which it took away (or brought) a definition, or else, not `defining`, uses."""

    sha: str
    paths: tuple[str, ...]
    defining: bool


@dataclass(slots=True)
class _Lines:
    """Of one commit, by file, how many more lines it took away than it brought; the other way round for "added"."""

    definitions: Counter[str] = field(default_factory=Counter)
    uses: Counter[str] = field(default_factory=Counter)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files it did so in."""
        counts = self.definitions if self.definitions.total() else self.uses
        return tuple(path for path, count in counts.items() if count > 0)


def find_changes(store: Store, names: Sequence[str], change: Change, limit: int) -> list[Changed]:
    """At most `limit` commits that took away (or brought) these names, best first.

    First those that took away a definition, the last one before the others (or brought one, the first before the
    others), then those that did so with most uses. A commit that moved a name as often in as out has not changed it.
    """
    if schema.HUNKS_TABLE not in store.state.tables:
        return []
    sign = {"removed": "-", "added": "+"}[change]
    lines: defaultdict[str, _Lines] = defaultdict(_Lines)
    for name in dict.fromkeys(name.rpartition(".")[2] or name for name in names):
        rows = store.rows(schema.HUNKS_TABLE, ["sha", "path", "text"], f"text LIKE {literal(f'%{name}%')}").to_pydict()
        used = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        defines = re.compile(_DEFINES.format(re.escape(name)))
        for sha, path, text in zip(rows["sha"], rows["path"], rows["text"], strict=True):
            for line in text.split("\n") if language_of(path).kind == "code" else ():
                if line[:1] in "+-" and used.search(line):
                    counts = lines[sha].definitions if defines.search(line) else lines[sha].uses
                    counts[path] += 1 if line[0] == sign else -1
    defining = [sha for sha, each in lines.items() if each.definitions.total() > 0]
    dates = _dates(store, defining)
    defining.sort(key=lambda sha: instant(dates.get(sha, "")), reverse=change == "removed")
    using = [sha for sha, each in lines.items() if each.definitions.total() == 0 and each.uses.total() > 0]
    using.sort(key=lambda sha: -lines[sha].uses.total())
    return [Changed(sha, lines[sha].paths, sha in defining) for sha in (*defining, *using)[:limit]]


def _dates(store: Store, shas: Sequence[str]) -> dict[str, str]:
    where = is_one_of("sha", shas)
    rows = store.rows(schema.COMMITS_TABLE, ["sha", "date"], where).to_pylist() if shas else []
    return {row["sha"]: row["date"] for row in rows}
