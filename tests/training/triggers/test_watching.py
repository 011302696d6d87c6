"""Runs that start by themselves: one for each reason, none for none, and told to who wants to know."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

pytest.importorskip("datasketch")

from tests.lsp.client import serving

from whence_server.feedback import FILE as FEEDBACK
from whence_server.notices import give_notice, notices_from
from whence_training.config import Buffer, Config, Triggers
from whence_training.errors import BlockedError
from whence_training.triggers import watching
from whence_training.triggers.notifying import notifier
from whence_training.triggers.watching import due, watch


class Learning:
    """Runs that are started, and how they end."""

    def __init__(self, error=None):
        self.runs, self.error, self.heard = 0, error, []

    def __call__(self):
        self.runs += 1
        if self.error:
            raise self.error
        return "shop-qa-lora-v1.0 is a challenger"

    def notify(self, event, text):
        self.heard.append(event)


def looked(shop, learning, **told):
    config = Config(triggers=Triggers(**({"buffer": Buffer(min=1)} | told)))
    return watch(shop.open(), config, learning, learning.notify)


def test_one_new_commit_starts_one_run_and_looking_again_none(shop, monkeypatch):
    learning = Learning()
    assert looked(shop, learning)[0].startswith("new: 5 commits")
    assert looked(shop, learning) == ()
    shop.write("shop/tax.py", "RATE = 19\n")
    shop.commit("Add the tax")
    assert looked(shop, learning) == ("new: 1 commits",)
    monkeypatch.delattr(watching, "collect")  # the index is not read again every few minutes
    for _ in range(3):
        assert looked(shop, learning) == ()
    assert (learning.runs, learning.heard) == (2, ["started", "finished"] * 2)


def test_what_is_too_little_waits_and_is_counted_on(shop):
    learning = Learning()
    looked(shop, learning)
    for number in range(3):
        shop.write(f"shop/tax{number}.py", f"RATE = {number}\n")
        shop.commit(f"Add tax {number}")
        assert bool(looked(shop, learning, buffer=Buffer(min=3))) is (number == 2)
    assert learning.runs == 2


def test_corrections_start_one_run(shop):
    learning = Learning()
    looked(shop, learning)
    opinion = {"at": "", "verdict": "correction", "question": "Why?", "answer": "So.", "text": "Because."}
    lines = [json.dumps(opinion | {"id": f"{number}"}) for number in range(20)]
    file = shop.open().index_dir / FEEDBACK
    file.write_text("\n".join(lines[:19]) + "\n")
    assert looked(shop, learning, degradation=False) == ()
    file.write_text("\n".join(lines) + "\n")
    assert looked(shop, learning, degradation=False) == ("20 corrections",)
    assert looked(shop, learning, degradation=False) == ()


def test_bad_opinions_start_one_run_until_it_was_good_again(shop):
    learning = Learning()
    looked(shop, learning)
    file = shop.open().index_dir / FEEDBACK

    def opinions(down, up):
        said = ["down"] * down + ["up"] * up
        lines = [
            {"id": f"{n}", "at": "", "verdict": v, "question": "Why?", "answer": "So."} for n, v in enumerate(said)
        ]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    opinions(25, 0)
    assert looked(shop, learning) == ("worse than it should be: satisfaction",)
    assert looked(shop, learning) == ()
    opinions(25, 60)
    assert looked(shop, learning) == ()
    opinions(99, 0)
    assert looked(shop, learning) == ("worse than it should be: satisfaction",)
    assert learning.runs == 3


def test_a_gate_that_holds_back_is_told_and_does_not_start_it_again(shop):
    learning = Learning(BlockedError("weakest category: 0.1, limit 0.3"))
    assert looked(shop, learning)
    assert looked(shop, learning) == ()
    assert learning.heard == ["started", "blocked"]


def test_a_run_that_fails_is_tried_again_but_not_for_ever(shop):
    learning = Learning(OSError("No space left on device"))
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            looked(shop, learning)
    assert looked(shop, learning) == ()
    assert (learning.runs, learning.heard) == (3, ["started", "failed"] * 3)


def test_a_run_that_was_killed_is_gone_on_with(shop):
    with pytest.raises(KeyboardInterrupt):
        looked(shop, Learning(KeyboardInterrupt()))
    learning = Learning()
    assert looked(shop, learning)[0].startswith("new: 5 commits")
    assert looked(shop, learning) == ()


def test_looking_while_another_process_learns_is_nothing_to_do(shop):
    learning, inner = Learning(), Learning()

    def learns():
        assert looked(shop, inner) == ()
        return learning()

    config = Config(triggers=Triggers(buffer=Buffer(min=1)))
    assert watch(shop.open(), config, learns, learning.notify)
    assert (learning.runs, inner.runs) == (1, 0)


def test_saying_that_a_run_is_due_begins_none_and_is_said_until_one_has_ended(shop):
    config = Config(triggers=Triggers(buffer=Buffer(min=1)))
    said = due(shop.open(), config)
    assert said[0].startswith("new: 5 commits")
    assert due(shop.open(), config) == said
    with pytest.raises(OSError, match="No space"):
        looked(shop, Learning(OSError("No space left on device")))
    assert due(shop.open(), config) == said

    def learns():
        assert due(shop.open(), config) == ()  # it is under way
        return "learnt"

    assert watch(shop.open(), config, learns, lambda event, text: None) == said
    assert due(shop.open(), config) == ()


def test_who_wants_to_start_it_by_hand_is_told_once(shop):
    learning = Learning()
    assert looked(shop, learning, auto_train=False)
    assert looked(shop, learning, auto_train=False) == ()
    assert (learning.runs, learning.heard) == (0, ["ready"])


@pytest.fixture
def sink():
    """A webhook on this machine, and what it was told."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", taken
    server.shutdown()
    server.server_close()


def test_a_webhook_hears_of_it_only_where_one_is_configured(tmp_path, sink):
    address, taken = sink
    said = []
    notifier(tmp_path, None, said.append)("started", "learning begins")
    assert taken == []
    notifier(tmp_path, address, said.append)("blocked", "no better than the base")
    assert [(each["event"], each["text"]) for each in taken] == [("blocked", "no better than the base")]
    for wrong in ("http://127.0.0.1:9/secret", "http://host:port/secret"):
        notifier(tmp_path, wrong, said.append)("finished", "done")
        assert said[-1].startswith("the webhook did not take it")
    assert "secret" not in "".join(said)
    found, end = notices_from(tmp_path, 0)
    assert [notice.event for notice in found] == ["started", "blocked", "finished", "finished"]
    assert notices_from(tmp_path, end) == ([], end)


def test_the_editor_shows_what_learning_has_to_say(shop, tmp_path):
    folder = shop.open().index_dir
    give_notice(folder, "finished", "said before it was opened")
    with serving(tmp_path) as client:
        client.initialize(shop.path)
        client.until_indexed()
        give_notice(folder, "finished", "shop-qa-lora-v1.0 is a challenger")

        def told():
            return [each["message"] for each in client.notified("window/showMessage")]

        client.wait(lambda: any("is a challenger" in each for each in told()))
        give_notice(folder, "blocked", "no better than the base")
        blocked = {"type": 2, "message": f"Whence: training on {shop.path.name}: no better than the base"}
        client.wait(lambda: blocked in client.notified("window/showMessage"))
        assert not any("before it was opened" in each for each in told())
