"""One look at a repository: whether a run is due, and then that run, once.

What started a run is written down before it begins, and that it ended after it has; one that was cut is begun again and
goes on where it stopped. Two processes do not look at once: the second has nothing to do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from whence_indexer.repository import Repository
from whence_indexer.store import Store
from whence_indexer.threadrows import stored_threads
from whence_indexer.workspace import Workspace
from whence_server.feedback import read_feedback
from whence_training.config import Config
from whence_training.errors import BlockedError
from whence_training.qa.collecting import Collected, collect, cursor_of, news
from whence_training.release.watched import current_signals
from whence_training.run import runs_folder
from whence_training.runfolder import write_durably
from whence_training.triggers.buffer import Seen, Waiting, reasons, waiting
from whence_training.triggers.notifying import Notify

_TRIES = 3  # of a run that fails; after that it waits for something new


@dataclass(frozen=True, slots=True)
class Look:
    """What waits, why a run is due, and what has been seen with it."""

    waiting: Waiting
    reasons: tuple[str, ...]
    now: Seen


def look(repository: Repository, config: Config, seen: Seen) -> Look:
    """What is there now beside what was `seen`; the index is brought up to date."""
    workspace = Workspace(repository)
    workspace.update()
    store = Store(repository.index_dir)
    given = read_feedback(repository.index_dir)
    corrected = tuple(each.id for each in given if each.verdict == "correction")
    bad = tuple(each.name for each in current_signals(workspace, config) if each.bad)
    cursor = cursor_of(store, repository.work_tree)
    # Looking goes on all day long: what is as it was is not read again.
    found = collect(store, repository.work_tree) if cursor != seen.cursor else Collected("", (), (), ())
    fresh = news(seen.cursor, cursor, found.changes)
    held = waiting(fresh, stored_threads(store), found.files, corrected, bad, seen)
    due = reasons(held, config.triggers)
    return Look(held, due, Seen(cursor, corrected, bad))


def watch(repository: Repository, config: Config, learn: Callable[[], str], notify: Notify) -> tuple[str, ...]:
    """Look, and where a run is due call `learn`, which returns what to tell; returns the reasons. Raises what it does.

    A run that a gate holds back has ended. One that fails is tried again at the next looks, three times in all.
    """
    with _alone(repository, config) as state:
        return _watched(repository, config, state, learn, notify) if state else ()


def due(repository: Repository, config: Config) -> tuple[str, ...]:
    """Why a run is due, which others are to begin: nothing is done, and nothing counts as seen by it."""
    with _alone(repository, config) as state:
        if state is None:
            return ()
        seen = _read(state)
        return seen.pending or look(repository, config, seen).reasons


@contextmanager
def _alone(repository: Repository, config: Config) -> Iterator[Path | None]:
    """The file of what has been seen; None while another process looks or learns."""
    folder = runs_folder(repository, config)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".triggers.lock")
    with suppress(Timeout):
        lock.acquire(timeout=0)
    try:
        yield folder / "triggers.json" if lock.is_locked else None
    finally:
        lock.release()


def _watched(
    repository: Repository, config: Config, state: Path, learn: Callable[[], str], notify: Notify
) -> tuple[str, ...]:
    seen = _read(state)
    found = look(repository, config, seen)
    why = seen.pending or found.reasons
    if not why:
        # A signal that is good again may turn bad anew.
        _write(state, replace(seen, bad=tuple(each for each in seen.bad if each in found.now.bad)))
        return ()
    if not config.triggers.auto_train:
        _write(state, found.now)
        notify("ready", f"there is enough to learn from ({'; '.join(why)}): whence-train runs it")
        return why
    tries = seen.tries + 1
    _write(state, replace(seen, pending=why, tries=tries))
    notify("started", f"learning begins: {'; '.join(why)}")
    try:
        event, said = "finished", learn()
    except BlockedError as error:
        event, said = "blocked", str(error)
    except Exception as error:
        _write(state, found.now if tries >= _TRIES else replace(seen, pending=why, tries=tries))
        notify("failed", f"learning failed: {error}")
        raise
    _write(state, found.now)
    notify(event, said)
    return why


def _read(state: Path) -> Seen:
    try:
        held = json.loads(state.read_text("utf-8"))
        listed = {name: tuple(held[name]) for name in ("corrections", "bad", "pending")}
        return Seen(cursor=held["cursor"], tries=held["tries"], **listed)
    except (OSError, ValueError, KeyError, TypeError):
        return Seen()


def _write(state: Path, seen: Seen) -> None:
    write_durably(state, json.dumps(asdict(seen)))
