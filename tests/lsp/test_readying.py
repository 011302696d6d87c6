"""What hovers wait for: the file somebody looks at now is read before all others, and what failed is tried again."""

from threading import Event

import pytest

from whence_indexer.errors import SlowError
from whence_server.lsp import readying
from whence_server.lsp.readying import Latest


@pytest.fixture
def latest():
    made = Latest("test")
    yield made
    made.close()


def test_what_was_asked_for_last_is_done_first(latest):
    done, begun, go = [], Event(), Event()

    def first():
        begun.set()
        go.wait(10)

    latest.ask("first", first)
    assert begun.wait(10)
    for name in ("a", "b", "c", "b"):
        latest.ask(name, lambda name=name: done.append(name))
    latest.ask("first", lambda: done.append("again"))  # it is being done
    latest.ask("a", lambda: done.append("a"))  # once more
    go.set()
    latest.wait_until_idle()
    assert done == ["a", "b", "c"]


def test_whole_files_wait_for_lines_that_somebody_looks_at(latest):
    after, done, go = Latest("after", before=latest), [], Event()
    latest.ask("lines", lambda: (go.wait(10), done.append("lines")))
    after.ask("file", lambda: done.append("file"))
    go.set()
    after.wait_until_idle()
    assert done == ["lines", "file"]
    after.close()


def test_what_failed_is_tried_again_after_a_while(latest, monkeypatch):
    now, done = [0.0], []
    monkeypatch.setattr(readying, "monotonic", lambda: now[0])

    def fail():
        done.append(now[0])
        raise SlowError("git blame took longer than 30.0 s")

    for now[0] in (1.0, 2.0, 4.0, 5.0, 8.0):
        latest.ask("a", fail)
        latest.wait_until_idle()
    assert done == [1.0, 4.0, 8.0]  # after 2 seconds, then after 4
