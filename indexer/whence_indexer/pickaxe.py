"""Names -> the commits that added or removed them, from the stored hunks: what changed lines say, not messages.

Reads the store only. A hunk is stored clipped, so that a name deep in a very long one is not seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from whence_indexer import schema
from whence_indexer.history import instant
from whence_indexer.query import Change
from whence_indexer.store import Store, is_one_of, literal

_DEFINITION = 10  # how much more the line that defines a name counts than one that uses it
_DEFINES = (
    r"\b(?:def|class|function|fn|func|fun|struct|enum|trait|interface|impl|type|module|const|let|var|val|static|macro"
    r"|define|package)\b[^=(]*?(?<!\w){0}(?!\w)|^[+-]\s*[\"']?{0}[\"']?\s*[:=](?!=)"
)


def find_changes(store: Store, names: Sequence[str], change: Change, limit: int) -> list[str]:
    """The ids of at most `limit` commits that took away (or brought) these names, best first.

    First those that took away a definition, the last one before the others (or brought one, the first before the
    others), then those that did so with most uses. A commit that moved a name as often in as out has not changed it.
    """
    if schema.HUNKS_TABLE not in store.state.tables:
        return []
    sign = {"removed": "-", "added": "+"}[change]
    weights = Counter[str]()
    for name in dict.fromkeys(name.rpartition(".")[2] or name for name in names):
        rows = store.rows(schema.HUNKS_TABLE, ["sha", "text"], f"text LIKE {literal(f'%{name}%')}").to_pydict()
        used = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        defines = re.compile(_DEFINES.format(re.escape(name)))
        for sha, text in zip(rows["sha"], rows["text"], strict=True):
            for line in text.split("\n"):
                if line[:1] in "+-" and used.search(line):
                    weight = _DEFINITION if defines.search(line) else 1
                    weights[sha] += weight if line[0] == sign else -weight
    found = [sha for sha, weight in weights.most_common() if weight > 0]
    defining = [sha for sha in found if weights[sha] >= _DEFINITION]
    dates = _dates(store, defining)
    defining.sort(key=lambda sha: instant(dates.get(sha, "")), reverse=change == "removed")
    return list(dict.fromkeys([*defining, *found]))[:limit]


def _dates(store: Store, shas: Sequence[str]) -> dict[str, str]:
    where = is_one_of("sha", shas)
    rows = store.rows(schema.COMMITS_TABLE, ["sha", "date"], where).to_pylist() if shas else []
    return {row["sha"]: row["date"] for row in rows}
