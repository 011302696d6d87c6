"""The reader that lies in the repository: a real model on a fresh machine, with nothing fetched and no network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.commands import process

from whence_server.generation.prompt import VERSION
from whence_server.models.installed import Home
from whence_server.models.naming import reference
from whence_server.models.places import open_place
from whence_server.models.pulling import Terms, pull
from whence_server.models.registry import Registry

MODELS = Path(__file__).parents[3] / "models"
GUIDE = """# Sessions

The client sends a request again when the server is busy.

An open session is closed after ten minutes without a request.

Passwords are never written to the log file.
"""


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("WHENCE_OFFLINE", "1")


def test_it_is_small_has_a_card_and_is_made_for_this_prompt(tmp_path):
    manifest = pull(Home(tmp_path), Registry(open_place(str(MODELS))), reference("reader"), Terms())
    assert (manifest.mode, manifest.prompt, manifest.licence) == ("quote", VERSION, "Apache-2.0")
    assert manifest.base.size < 20_000_000
    assert {"sentence", "divergence_F16"} <= manifest.metrics.keys()
    card = (MODELS / "README.md").read_bytes()
    assert (Home(tmp_path).blobs.path(manifest.files["README.md"].digest)).read_bytes() == card


@pytest.mark.model
def test_it_answers_on_a_fresh_machine_with_sentences_of_the_repository(make_repository):
    project = make_repository()
    project.write("docs/guide.md", GUIDE)
    project.commit("Describe sessions")
    pulled = process("models", "pull", "reader", "--from", MODELS)
    assert pulled.returncode == 0, pulled.stderr
    asked = ("ask", "When is an open session closed?", "--repo", project.path, "--model", "reader", "--json")
    done = process(*asked)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["model"]["name"] == "reader"
    assert answer["citations"]
    for citation in answer["citations"]:
        lines = GUIDE.splitlines()[citation["start_line"] - 1 : citation["end_line"]]
        assert citation["path"] == "docs/guide.md"
        assert lines
