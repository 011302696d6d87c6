"""The reader that comes with Whence: a real model on a fresh machine, with nothing fetched and no network."""

from __future__ import annotations

from contextlib import closing

import pytest

from whence_indexer.errors import QueryError
from whence_indexer.types import Hit
from whence_server.generation.drafting import write
from whence_server.generation.local import open_model
from whence_server.generation.prompt import VERSION
from whence_server.models.installed import Home
from whence_server.models.naming import reference
from whence_server.models.places import BUNDLED, open_place
from whence_server.models.pulling import Terms, pull
from whence_server.models.registry import Registry
from whence_server.passages import Passage

GUIDE = """The client sends a request again when the server is busy.

An open session is closed after ten minutes without a request.

Passwords are never written to the log file."""


def test_it_is_pulled_like_any_other_and_made_for_this_prompt(tmp_path, monkeypatch):
    monkeypatch.setenv("WHENCE_OFFLINE", "1")
    manifest = pull(Home(tmp_path), Registry(open_place(BUNDLED)), reference("reader"), Terms())
    assert (manifest.mode, manifest.prompt) == ("quote", VERSION)
    assert manifest.base.size < 20_000_000


@pytest.mark.model
def test_it_answers_on_a_fresh_machine_with_a_sentence_of_the_evidence(tmp_path, monkeypatch):
    monkeypatch.setenv("WHENCE_OFFLINE", "1")
    passage = Passage(Hit("doc", 1.0, GUIDE, "guide.md", 1, 5), 1, GUIDE)
    with closing(open_model("reader", Home(tmp_path))) as generator:
        written = write(generator, "when is an open session closed?", [passage])
    assert generator.model.name == "reader"
    assert written.text == "An open session is closed after ten minutes without a request. [1]"


def test_a_name_that_nobody_knows_is_still_refused(tmp_path):
    with pytest.raises(QueryError, match="unheard"):
        open_model("unheard", Home(tmp_path))
