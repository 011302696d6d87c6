"""Adapt an index to its repository: learn from its older history, be judged by its newer, keep only what is better.

Reads one committed state of the index, trains and measures without the write lock, and publishes through `update`, so
that the old vectors serve until all new ones are there. Started by the user or after `whence index`, by no question.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence_indexer import schema
from whence_indexer.adaptation import Floats, Recipe, sums, train
from whence_indexer.adapted import read_measured, remove_adapted, save_adapted
from whence_indexer.attempts import forget, known_reason, remember
from whence_indexer.embedder import StaticEmbedder, load_embedder
from whence_indexer.errors import DamagedError, EmbedderError
from whence_indexer.holdout import Change, Split, read_changes, split, without_copies
from whence_indexer.indexing import Progress, update
from whence_indexer.lessons import Material
from whence_indexer.lock import write_lock
from whence_indexer.repository import Repository
from whence_indexer.rows import chunk_text
from whence_indexer.store import Store, literal
from whence_indexer.trial import MEASURES, RANKS, Trial, gain
from whence_indexer.types import Chunk, Span

FACTORS = (0.5, 0.75)  # of the way from the base to what was learnt: less gains less, more gains no more
_DESCRIBED: tuple[str, ...] = ("pairs", "queries", "factor", "recall")
_CHUNK_COLUMNS = ["path", "start_line", "end_line", "kind", "language", "symbols", "scope", "text", "digest"]
_COMMIT_COLUMNS = ["sha", "parents", "date", "subject", "body", "paths"]


@dataclass(frozen=True)
class Outcome:
    """What came of a try. `recall` gives each measure on `queries` held-out commits before and after, and the interval.

    `tried` is false when there was nothing to try; `adapted` says what the index is now; `factor` how far it went.
    """

    adapted: bool
    tried: bool
    reason: str
    pairs: int = 0
    queries: int = 0
    factor: float = 0.0
    recall: dict[str, dict[str, float]] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class _Learnt:
    """What training brought: the token vectors to keep if the verdict is good, and what was measured."""

    better: bool
    weights: Floats
    outcome: Outcome


def adapt(
    repository: Repository,
    *,
    recipe: Recipe | None = None,
    wait: bool = True,
    progress: Progress = lambda stage, done, total: None,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Outcome:
    """Bring the index up to date, train on its history, and keep the result if it finds more beyond noise.

    Always starts from the base model. Raises `EmbedderError` when that is no static model, `LockedError` when another
    process adapts or writes and `wait` is false. Whatever is raised, and wherever the process dies, the index stays.
    """
    started, folder = time.monotonic(), repository.index_dir
    update(repository, wait=wait, progress=progress, waiting=waiting)
    with write_lock(_lock_folder(folder), wait, waiting):
        store = Store(folder)
        base = load_embedder(store.state.model)
        if not isinstance(base, StaticEmbedder):
            raise EmbedderError(f"only a static embedding model can be adapted, and {base.name} is none")
        if reason := known_reason(store, base.name):
            return Outcome(bool(store.state.adapted), False, f"nothing is new since the last try: {reason}")
        try:
            learnt = _learn(repository, store, base, recipe or Recipe(), progress)
        except DamagedError:  # another process compacted the tables meanwhile
            store = Store(folder)
            learnt = _learn(repository, store, base, recipe or Recipe(), progress)
        if isinstance(learnt, _Learnt) and learnt.better:
            name = save_adapted(folder, base, learnt.weights, asdict(learnt.outcome))
            update(repository, adapted=name, wait=wait, progress=progress, waiting=waiting)
        serving = Store(folder).state.adapted
        remove_adapted(folder, serving)
        outcome = learnt.outcome if isinstance(learnt, _Learnt) else Outcome(False, False, learnt)
        outcome = replace(outcome, adapted=bool(serving), seconds=round(time.monotonic() - started, 3))
        remember(store, base.name, serving, outcome.reason)
    return outcome


def restore(
    repository: Repository,
    *,
    wait: bool = True,
    progress: Progress = lambda stage, done, total: None,
    waiting: Callable[[str], None] = lambda holder: None,
) -> Outcome:
    """Return to the base model, remove the adapted one, and try no more until `adapt` is run again."""
    started, folder = time.monotonic(), repository.index_dir
    with write_lock(_lock_folder(folder), wait, waiting):
        if was := Store(folder).state.adapted:
            update(repository, adapted="", wait=wait, progress=progress, waiting=waiting)
        remove_adapted(folder)
        forget(folder)
    reason = "the index is back on the model it was adapted from" if was else "the index was not adapted"
    return Outcome(False, False, reason, seconds=round(time.monotonic() - started, 3))


def describe(store: Store) -> dict[str, Any] | None:
    """What the adapted model of this index was made from and what it gained; None when the index is not adapted."""
    if not store.state.adapted:
        return None
    measured = read_measured(store.folder, store.state.adapted)
    return {"model": store.state.adapted} | {name: measured.get(name) for name in _DESCRIBED}


def _learn(
    repository: Repository, store: Store, base: StaticEmbedder, recipe: Recipe, progress: Progress
) -> _Learnt | str:
    """Train and measure; a sentence where there is too little history for that."""
    progress("Collecting pairs", 0, None)
    table = schema.chunks_table(repository.work_tree)
    if not store.count(table) or not store.count(schema.COMMITS_TABLE):
        return "there is no history to learn from; the index keeps its model"
    rows = store.rows(table, _CHUNK_COLUMNS).sort_by([("path", "ascending"), ("start_line", "ascending")])
    chunks = [_chunk(row) for row in rows.drop_columns(["digest", "_rowid"]).to_pylist()]
    commits = store.rows(schema.COMMITS_TABLE, _COMMIT_COLUMNS).to_pylist()
    changes = read_changes(commits, {chunk.span.path for chunk in chunks})
    parts = split(changes)
    if parts is None:
        return f"too little history: {len(changes):,} commits say why they changed files; the index keeps its model"
    hunks = _hunks(store, [*parts.training, *parts.held_out])
    material = Material(chunks, [chunk_text(chunk) for chunk in chunks], base)
    trial = Trial(repository, store, rows["digest"], material)
    return _judged(trial, material, parts, hunks, recipe, progress)


def _judged(
    trial: Trial,
    material: Material,
    parts: Split,
    hunks: dict[str, list[dict[str, Any]]],
    recipe: Recipe,
    progress: Progress,
) -> _Learnt:
    """The factor by the validation slice; then the same training with that slice, judged by the test slice."""
    texts = {sha: [hunk["text"] for hunk in found] for sha, found in hunks.items()}
    base = material.embedder.weights

    def trained(changes: Sequence[Change], held_out: Sequence[Change], stage: str) -> tuple[Floats, int]:
        lessons = material.lessons(without_copies(changes, held_out, texts), hunks, held_out, recipe.seed)
        return train(base, lessons, recipe, lambda done, total: progress(stage, done, total)), len(lessons.questions)

    tuned, _ = trained(parts.training, parts.held_out, "Training")
    scores = []
    for done, factor in enumerate(FACTORS):
        progress("Choosing how far to go", done, len(FACTORS))
        scores.append(_hybrid(_measured(trial, material, _between(base, tuned, factor), parts.validation)).mean())
    factor = FACTORS[int(np.argmax(scores))]
    tuned, pairs = trained([*parts.training, *parts.validation], parts.test, "Training on more")
    weights = _between(base, tuned, factor)
    progress("Measuring", 0, 2)
    before = _measured(trial, material, base, parts.test)
    progress("Measuring", 1, 2)
    after = _measured(trial, material, weights, parts.test)
    return _verdict(weights, before, after, pairs, factor)


def _verdict(
    weights: Floats, before: NDArray[np.float64], after: NDArray[np.float64], pairs: int, factor: float
) -> _Learnt:
    verdict = gain(_hybrid(before), _hybrid(after))
    recall = {}
    for column, measure in enumerate(MEASURES):
        found = gain(before[:, column], after[:, column])
        means = {"before": before[:, column].mean(), "after": after[:, column].mean()}
        recall[measure] = {name: round(float(value), 4) for name, value in (means | asdict(found)).items()}
    better = verdict.low > 0
    reason = (
        f"recall on {len(before):,} later commits {'rose' if better else 'did not rise'} beyond noise: "
        f"{verdict.mean:+.3f} ({verdict.low:+.3f} to {verdict.high:+.3f})"
    )
    outcome = Outcome(better, True, reason, pairs, len(before), factor, recall)
    return _Learnt(better, weights, outcome)


def _measured(trial: Trial, material: Material, weights: Floats, changes: Sequence[Change]) -> NDArray[np.float64]:
    return trial.recalls(weights, sums(weights, material.bags), changes)


def _hybrid(recalls: NDArray[np.float64]) -> NDArray[np.float64]:
    """What decides: the mean of the hybrid recalls of each question, shape (questions,)."""
    mean: NDArray[np.float64] = recalls[:, : len(RANKS)].mean(axis=1)
    return mean


def _between(base: Floats, tuned: Floats, factor: float) -> Floats:
    """`factor` of the way from `base` to `tuned`, as it will be stored: in half precision."""
    between: Floats = (base + factor * (tuned - base)).astype(np.float16).astype(np.float32)
    return between


def _chunk(row: dict[str, Any]) -> Chunk:
    span = Span(row.pop("path"), row.pop("start_line"), row.pop("end_line"))
    return Chunk(span, symbols=tuple(row.pop("symbols")), scope=tuple(row.pop("scope")), **row)


def _hunks(store: Store, changes: Sequence[Change]) -> dict[str, list[dict[str, Any]]]:
    """The hunks of these commits, by commit."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for start in range(0, len(changes), 500):  # the condition is parsed as SQL
        where = f"sha IN ({', '.join(literal(change.sha) for change in changes[start : start + 500])})"
        for row in store.rows(schema.HUNKS_TABLE, ["sha", "path", "section", "text"], where).to_pylist():
            found[row["sha"]].append(row)
    return found


def _lock_folder(folder: Path) -> Path:
    """Its lock is held by who adapts, so that indexing goes on meanwhile."""
    place = folder / "adapted"
    place.mkdir(parents=True, exist_ok=True)
    return place
