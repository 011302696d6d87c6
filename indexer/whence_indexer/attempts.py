"""What an index remembers of the last attempt to adapt it: whether another one is due, or would find nothing new.

One small file beside the tables. While it is there, `whence index` tries again when it is due.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from whence_indexer import schema
from whence_indexer.embedder import embedder_name
from whence_indexer.errors import NoIndexError
from whence_indexer.store import Store

DUE_COMMITS, DUE_SHARE = 200, 0.1  # new commits since the last attempt, and their share, that make another worthwhile
_FILE = "adaptation.json"


def is_due(folder: Path) -> bool:
    """Whether adaptation was tried on the index in `folder`, not switched off, and enough commits have come since."""
    try:
        last, store = _read(folder), Store(folder)
    except NoIndexError:
        return False
    if not last or last.get("base") != embedder_name(store.state.model):
        return False
    new = store.count(schema.COMMITS_TABLE) - int(last["commits"])
    return new >= max(DUE_COMMITS, DUE_SHARE * int(last["commits"]))


def known_reason(store: Store, base: str) -> str | None:
    """How the last attempt ended, if one now, from the model `base`, would see the same; else None."""
    last, now = _read(store.folder), _now(store, base, store.state.adapted)
    return str(last["reason"]) if {name: last.get(name) for name in now} == now else None


def remember(store: Store, base: str, serving: str, reason: str) -> None:
    """An attempt on `store` from `base` ended with `reason`, and `serving` ('': none) is the adapted model since."""
    known = _now(store, base, serving) | {"commits": store.count(schema.COMMITS_TABLE), "reason": reason}
    draft = store.folder / f"{_FILE}.new"
    draft.write_text(json.dumps(known))
    draft.replace(store.folder / _FILE)


def forget(folder: Path) -> None:
    """No attempt was made, and none is due before the next."""
    (folder / _FILE).unlink(missing_ok=True)


def _now(store: Store, base: str, serving: str) -> dict[str, Any]:
    return {"heads": store.state.heads, "base": base, "serving": serving}


def _read(folder: Path) -> dict[str, Any]:
    """{} when there was no attempt, or adaptation was switched off since."""
    try:
        known = json.loads((folder / _FILE).read_text())
        return known if {"reason", "commits"} <= known.keys() else {}
    except (OSError, ValueError, AttributeError):
        return {}
