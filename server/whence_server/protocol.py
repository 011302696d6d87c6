"""What leaves the program: domain values -> the JSON objects that scripts and editors rely on.

The only module that knows the shapes of docs/architecture.md, "Contracts". Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from whence_indexer.types import Hit
from whence_server.types import Answer, Explanation

if TYPE_CHECKING:
    from whence_indexer.adapting import Outcome
    from whence_indexer.indexing import Report
    from whence_server.authorship import Authorship

_HIT_KEYS = ("kind", "path", "start_line", "end_line", "symbol", "commit", "thread", "score", "text")


def report_json(report: Report, outcome: Outcome | None = None) -> dict[str, Any]:
    """`whence index`; `outcome` is there when adaptation was due."""
    return asdict(report) | {"adaptation": adaptation_json(outcome) if outcome else None}


def adaptation_json(outcome: Outcome) -> dict[str, Any]:
    """`whence adapt`."""
    return asdict(outcome)


def search_json(hits: Sequence[Hit], seconds: float, stale: bool) -> dict[str, Any]:
    """`whence search`."""
    found = [{key: getattr(hit, key) for key in _HIT_KEYS} for hit in hits]
    return {"hits": found, "seconds": round(seconds, 4), "stale": stale}


def answer_json(answer: Answer, stale: bool) -> dict[str, Any]:
    """`whence ask`. `source` is the first commit that the answer cites, and the first thread that it cites or names."""
    commit = next((citation.commit for citation in answer.citations if citation.commit), None)
    thread = next((citation.thread for citation in answer.citations if citation.thread), None)
    return {
        "answer": answer.text,
        "confidence": answer.confidence,
        "abstained": answer.abstained,
        "citations": [asdict(citation) for citation in answer.citations],
        "source": {"commit": commit, "issue_id": thread},
        "model": asdict(answer.model),
        "timings": asdict(answer.timings),
        "stale": stale,
    }


def why_json(explained: Explanation) -> dict[str, Any]:
    """`whence why`: the answer, and what the lines went through. It is git's own, so that it is never stale."""
    return answer_json(explained.answer, stale=False) | {
        "history": [asdict(change) for change in explained.history],
        "uncommitted": explained.uncommitted,
        "seen_through": [{"commit": commit, "kind": kind} for commit, kind in explained.seen_through],
        "shallow": explained.shallow,
        "complete": explained.complete,
    }


def who_json(found: Authorship) -> dict[str, Any]:
    """`whence who`. Names only; `share` is of the lines that are committed, 0 to 1."""
    return {
        "path": found.place.path,
        "start_line": found.place.start_line,
        "end_line": found.place.end_line,
        "symbol": found.symbol,
        "owners": [asdict(owner) | {"share": round(found.share(owner), 4)} for owner in found.owners],
        "last": found.last.author if found.last else None,
    }
