"""When a run is due: at exactly as much as was asked for, and not a second time."""

from __future__ import annotations

import pytest

pytest.importorskip("datasketch")

from whence_indexer.threads import Thread
from whence_training.config import Buffer, Triggers
from whence_training.qa.collecting import File, News
from whence_training.triggers.buffer import Seen, Waiting, reasons, waiting

TOLD = Triggers(buffer=Buffer(min=4), corrections=20)


def test_the_buffer_holds_what_counts():
    threads = [Thread(1, "issue", "Open"), Thread(2, "issue", "Closed", state="closed"),
               Thread(3, "pull", "Merged", state="merged"), Thread(4, "pull", "Refused", state="closed"),
               Thread(5, "issue", "Guessed", state="closed", derived=True)]  # fmt: skip
    files = [File("guide.md", "a", "doc", "markdown", ""), File("pay.py", "b", "code", "python", "")]
    fresh = News(("guide.md", "pay.py"), ("gone.md",), ("c0ffee",), tuple(f"{t.kind} {t.number}" for t in threads))
    held = waiting(fresh, threads, files, ["1", "2"], ["drift"], Seen(corrections=("1",), bad=("drift",)))
    assert held == Waiting(("c0ffee",), ("issue 2",), ("pull 3",), ("guide.md",), ("2",))
    assert held.history == 4
    told = "new: 1 commits, 1 closed issues, 1 merged pull requests, 1 changed documents"
    assert reasons(held, TOLD) == (told,)


@pytest.mark.parametrize(("count", "due"), [(3, False), (4, True)])
def test_a_run_is_due_at_the_limit_and_not_below(count, due):
    assert bool(reasons(Waiting(commits=("c",) * count), TOLD)) is due


@pytest.mark.parametrize(("count", "limit", "due"), [(19, 20, False), (20, 20, True), (99, 0, False)])
def test_so_it_is_with_corrections(count, limit, due):
    told = TOLD.model_copy(update={"corrections": limit})
    assert bool(reasons(Waiting(corrections=("c",) * count), told)) is due


def test_a_model_that_does_worse_is_a_reason_unless_that_is_not_wanted():
    assert reasons(Waiting(bad=("satisfaction",)), TOLD) == ("worse than it should be: satisfaction",)
    assert reasons(Waiting(bad=("satisfaction",)), TOLD.model_copy(update={"degradation": False})) == ()
