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
RETRY = '''"""Requests that survive a busy server."""


def retry(send, attempts=3):
    """Send again when the server is busy.

    The delay doubles each time. After the last attempt the error of the server is raised.
    """
    for attempt in range(attempts):
        if not (reply := send()).busy:
            return reply
        sleep(2**attempt)
    raise ServerBusy
'''
FILES = {
    "net/retry.py": RETRY,
    "README.md": "# Net\n\nTalks to servers that are busy. It sends again.\n",
    "docs/limits.md": "# Limits\n\nThe server is busy when it answers 503. The delay is at most a minute.\n",
}


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
    for path, text in FILES.items():
        project.write(path, text)
    project.commit("Retry when the server is busy")
    pulled = process("models", "pull", "reader", "--from", MODELS)
    assert pulled.returncode == 0, pulled.stderr
    question = "what does retry do when the server is busy?"
    done = process("ask", question, "--repo", project.path, "--model", "reader", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["model"]["name"], answer["abstained"]) == ("reader", False)
    assert answer["citations"]
    for citation in answer["citations"]:
        assert citation["quote"] in FILES[citation["path"]]
