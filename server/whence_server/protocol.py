"""What leaves the program: domain values -> the JSON objects that scripts and editors rely on, and one way back.

The only module that knows the shapes of docs/architecture.md, "Contracts". Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from whence_indexer.types import KINDS, Citation, Hit
from whence_server.types import Answer, Explanation, Model, Timings

if TYPE_CHECKING:
    from whence_indexer.adapting import Outcome
    from whence_indexer.indexing import Report
    from whence_server.authorship import Authorship
    from whence_server.doctor import Check
    from whence_server.models.installed import Home
    from whence_server.models.registry import Offer
    from whence_server.models.roles import Roles
    from whence_server.models.upkeep import Installed

_HIT_KEYS = ("kind", "path", "start_line", "end_line", "symbol", "commit", "thread", "url", "score", "text")


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


def read_answer(told: object) -> Answer:
    """The answer that `answer_json` told and somebody kept. Raises `ValueError` where it is none."""
    if not isinstance(told, dict):
        raise ValueError("it is no object")
    cited, model = told.get("citations"), told.get("model")
    if not isinstance(cited, list) or not isinstance(model, dict):
        raise ValueError("it lacks its citations or its model")
    return Answer(
        text=_told(told, "answer", str),
        confidence=float(_told(told, "confidence", int | float)),
        abstained=_told(told, "abstained", bool),
        citations=tuple(map(_read_citation, cited)),
        model=Model(_told(model, "name", str), _told(model, "version", str | None)),
        timings=Timings(0.0, 0.0, 0.0),
    )


def _read_citation(told: object) -> Citation:
    if not isinstance(told, dict) or told.get("kind") not in KINDS:
        raise ValueError("a citation is none")
    text, number = str | None, int | None
    return Citation(
        id=_told(told, "id", int),
        kind=told["kind"],
        quote=_told(told, "quote", str),
        path=_told(told, "path", text),
        start_line=_told(told, "start_line", number),
        end_line=_told(told, "end_line", number),
        commit=_told(told, "commit", text),
        thread=_told(told, "thread", number),
        url=_told(told, "url", text),
    )


def _told(told: Mapping[str, Any], key: str, kind: Any) -> Any:
    value = told.get(key)
    if not isinstance(value, kind):
        raise ValueError(f"its {key} is of another kind")
    return value


def why_json(explained: Explanation) -> dict[str, Any]:
    """`whence why`: the answer, and what the lines went through. It is git's own, so that it is never stale."""
    return answer_json(explained.answer, stale=False) | {
        "history": [asdict(change) for change in explained.history],
        "uncommitted": explained.uncommitted,
        "seen_through": [{"commit": commit, "kind": kind} for commit, kind in explained.seen_through],
        "shallow": explained.shallow,
        "complete": explained.complete,
        "recorded": explained.recorded,
    }


def who_json(found: Authorship) -> dict[str, Any]:
    """`whence who`. Names only; `share` is of the lines that are committed, 0 to 1."""
    return {
        "path": found.path,
        "start_line": found.places[0].start_line,
        "end_line": found.places[0].end_line,
        "more": [[place.start_line, place.end_line] for place in found.places[1:]],
        "symbol": found.symbol,
        "owners": [asdict(owner) | {"share": round(found.share(owner), 4)} for owner in found.owners],
        "last": found.last.author if found.last else None,
        "seen_through": [{"commit": commit, "kind": kind} for commit, kind in found.found.seen_through],
        "shallow": found.found.shallow,
    }


def checks_json(checks: Iterable[Check]) -> dict[str, Any]:
    """`whence doctor`."""
    return {
        "checks": [
            {"what": each.what, "ok": not each.problem, "problem": each.problem, "fix": each.problem and each.fix}
            for each in checks
        ]
    }


def models_json(home: Home, scope: str) -> dict[str, Any]:
    """What `whence models list` prints: `own` is whether a repository has roles of its own, `partial` are blobs that
    were begun, `trial` is what came of a challenger's questions and of the champion's, by label, `presets` are what can
    be pulled by name.
    """
    from whence_server.models.installed import EVERYWHERE
    from whence_server.models.presets import PRESETS
    from whence_server.models.upkeep import installed

    state = home.state()
    return {
        "models": [model_json(model) for model in installed(home, scope)],
        "roles": roles_json(state.roles_in(scope)),
        "own": scope != EVERYWHERE and scope in state.roles,
        "partial": home.blobs.partial(),
        "trial": {label: vars(tally) for label, tally in state.trials.get(state.scope_in(scope), {}).items()},
        "presets": [{"name": name} | asdict(preset) for name, preset in PRESETS.items()],
    }


def model_json(found: Installed) -> dict[str, Any]:
    """An installed model: its manifest, where it came from, and what its base says of itself; null where damaged."""
    manifest, model = found.manifest, found.model
    return {
        "name": manifest.name,
        "version": manifest.version,
        "digest": found.entry.manifest.digest,
        "roles": list(found.roles),
        "mode": manifest.mode,
        "base": manifest.base.digest,
        "adapter": manifest.adapter.digest if manifest.adapter else None,
        "size_bytes": sum(blob.size for blob in manifest.blobs),
        "licence": manifest.licence,
        "origin": found.entry.origin,
        "signed": bool(found.entry.signature),
        "architecture": model.architecture if model else None,
        "parameters": model.parameters if model else None,
        "context": model.context if model else None,
        "quantization": model.quantization if model else None,
        "chat_template": model.chat_template is not None if model else None,
        "memory_bytes": model.memory_bytes() if model else None,
        "metrics": dict(manifest.metrics),
    }


def roles_json(roles: Roles) -> dict[str, Any]:
    """Which model answers, null for quotations, and the per cent of questions that the challenger gets."""
    return vars(roles) | {}


def offers_json(offers: Mapping[str, Offer]) -> dict[str, Any]:
    """What `whence models list --from` prints."""
    return {
        "offers": [
            {"name": name, "versions": list(offer.versions), "aliases": dict(offer.aliases)}
            for name, offer in offers.items()
        ]
    }
