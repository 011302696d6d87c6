"""Answers that a model writes, as a reader receives them: no receipt that does not hold, and no answer lost with it."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from tests.server.generation.gguf_models import write_model

from whence_indexer.indexing import update
from whence_indexer.query import parse_query
from whence_indexer.types import Hit
from whence_indexer.workspace import Workspace
from whence_server.answering import answer
from whence_server.citations import verify
from whence_server.composing import Writing
from whence_server.errors import UnquotableError, WorkerError
from whence_server.generation.confidence import RETRIEVAL_ALONE, Calibration
from whence_server.generation.drafting import write
from whence_server.generation.generator import Generated
from whence_server.generation.local import LocalModel
from whence_server.generation.prompt import UNKNOWN
from whence_server.passages import Passage
from whence_server.types import Model, Question

RETRY = '''"""Requests that survive a busy server."""


def retry(send, attempts=3):
    """Send again when the server is busy.

    The delay doubles each time. After the last attempt the error of the server is raised.
    """
    for attempt in range(attempts):
        if not (reply := send()).busy:
            return reply
        sleep(2**attempt)  # `[1]` is no receipt, and neither is <b>this</b>
    raise ServerBusy
'''
QUESTIONS = (
    "what happens when the server is busy?",
    "how long is the delay between attempts?",
    "what does retry do when the server is busy?",
    "which error is raised after the last attempt?",
)


@pytest.fixture
def project(make_repository):
    made = make_repository()
    made.write("net/retry.py", RETRY)
    made.write("README.md", "# Net\n\nTalks to servers [that](https://example.org) are busy. It sends again.\n")
    made.write("docs/limits.md", "# Limits\n\nThe server is busy when it answers 503. The delay is at most a minute.\n")
    made.commit("Retry when the server is busy (#12)\n\nUsers saw errors at noon, when load is highest.")
    update(made.open())
    return made


class Scripted:
    """A generator that says what a test wants it to."""

    def __init__(self, text, mode="write", context=4096, calibration=RETRIEVAL_ALONE):
        self.text, self.mode, self.model, self.size = text, mode, Model("scripted", "1"), context
        self.calibration, self.requests = calibration, []

    def context(self, check=lambda: None):
        return self.size

    def count(self, texts, check=lambda: None):
        return [len(text) // 4 for text in texts]

    def generate(self, request, told=lambda text: None, check=lambda: None):
        self.requests.append(request)
        if isinstance(self.text, Exception):
            raise self.text
        for start in range(0, len(self.text), 7):
            check()
            told(self.text[start : start + 7])
        return Generated(self.text, "end", (-0.1,) * 5, 100, 0, 0.1, 0.2)


def ask(project, text, generator, **writing):
    workspace = Workspace(project.open())
    asked = Question(parse_query(text))
    given = workspace.ask(
        lambda searcher: answer(
            asked, searcher, workspace.repository, writing=Writing(generator, **writing) if generator else None
        )
    )
    assert workspace.ask(lambda found: all(verify(each, workspace.repository, found) for each in given.citations))
    shown = re.sub(r"`[^`\n]*`|^```.*?^```", "", given.text, flags=re.DOTALL | re.MULTILINE)
    assert {int(number) for number in re.findall(r"(?<!\\)\[(\d+)\]", shown)} <= {each.id for each in given.citations}
    return given


def test_what_the_evidence_says_is_shown_with_receipts(project):
    told = []
    given = ask(project, QUESTIONS[0], Scripted("It is sent again when the server is busy. [1]"), told=told.append)
    assert given.text.startswith("It is sent again when the server is busy. [1]\n\n**")
    assert "".join(told) == "It is sent again when the server is busy. [1]"
    assert given.model == Model("scripted", "1")
    assert not given.abstained


def test_what_the_evidence_does_not_say_loses_its_receipt(project):
    made_up = "It is sent again when the server is busy. [1]\nThe `Circuit` breaker opens after 7 failures. [1]"
    marked = ask(project, QUESTIONS[0], Scripted(made_up))
    assert "opens after 7 failures. _(not found in the evidence)_" in marked.text
    dropped = ask(project, QUESTIONS[0], Scripted(made_up), unsupported="drop")
    assert "Circuit" not in dropped.text
    assert "1 sentence(s) that the evidence does not bear out were left out" in dropped.text


def test_a_model_that_only_makes_things_up_is_not_shown(project):
    given = ask(project, QUESTIONS[0], Scripted("Penguins migrate over frozen oceans. [1]"))
    assert "Penguins" not in given.text
    assert given.model.name == "extractive"
    assert "Nothing that scripted wrote is borne out" in given.text


def test_a_model_that_knows_no_grammar_is_understood(project):
    """As endpoints write: numbers before the full stop, without a space, in one bracket, several sentences a line."""
    sentence = "It is sent again when the server is busy."
    for form in (f"{sentence[:-1]} [1].", f"{sentence}[1]", f"{sentence} [1][1]", f"{sentence} [1, 1]"):
        given = ask(project, QUESTIONS[0], Scripted(form))
        assert given.text.startswith(f"{sentence} [1]\n\n**"), form
    told = []
    paragraph = f"In short:\n{sentence} [1] The `Circuit` breaker opens. Penguins migrate [1]. `[1]` is nothing."
    given = ask(project, QUESTIONS[0], Scripted(paragraph), told=told.append)
    assert given.text.split("\n\n")[0].split("  \n") == [
        f"{sentence} [1]",
        "The `Circuit` breaker opens. Penguins migrate. _(not found in the evidence)_",
        "`[1]` is nothing. _(not found in the evidence)_",
    ]
    assert "".join(told).endswith(given.text.split("\n\n")[0])


def test_a_model_that_does_not_know_abstains(project):
    for unknown in (UNKNOWN, "I don't know", "I don’t know [1].\n", f"{UNKNOWN} The evidence does not say."):
        given = ask(project, QUESTIONS[0], Scripted(unknown))
        assert given.abstained, unknown
        assert given.text.startswith("I don't know")
        assert given.confidence < 0.5


def test_a_model_that_does_not_know_of_many_commits_shows_them_all(project):
    for number in range(7):
        project.write("net/retry.py", RETRY + f"LIMIT = {number}\n")
        project.commit(f"Raise the limit of retry to {number}")
    given = ask(project, "what changed in net/retry.py in 2024?", Scripted(UNKNOWN))
    assert given.abstained
    assert len(given.citations) > 4
    assert all(f"[{each.id}]" in given.text for each in given.citations)


def test_a_model_that_doubts_its_own_words_abstains(project):
    doubts = Calibration(likelihood=100.0)  # the words below have a mean of -0.1
    given = ask(project, QUESTIONS[0], Scripted("It is sent again when the server is busy. [1]", calibration=doubts))
    assert given.abstained
    assert given.confidence < 0.5
    assert given.text.startswith("I don't know")
    assert given.model == Model("scripted", "1")


def test_a_model_that_fails_leaves_quotations_and_a_reason(project):
    given = ask(project, QUESTIONS[0], Scripted(WorkerError("the model's process ended: it was killed")))
    plain = ask(project, QUESTIONS[0], None)
    assert given.text.startswith(plain.text)
    assert "No model wrote this: the model's process ended: it was killed." in given.text
    assert given.model.name == "extractive"


def test_the_reason_of_a_failure_brings_no_markup(project):
    given = ask(project, QUESTIONS[0], Scripted(WorkerError("it said [click](http://a.example) <b>here</b>")))
    assert "No model wrote this: it said" in given.text
    assert "[click](" not in given.text.replace("\\[", "")
    assert "<b>here" not in given.text.replace("\\<b", "")


def test_evidence_without_room_is_left_out_and_said(project):
    given = ask(project, QUESTIONS[0], Scripted("It is sent again when the server is busy. [1]", context=430))
    assert re.search(r"\d passage\(s\) of the evidence had no room in the model's context", given.text)


def test_a_model_that_quotes_is_not_asked_about_code_without_a_sentence():
    body = "        if not busy(reply):\n            return reply\n        sleep(2**attempt)"
    passage = Passage(Hit("code", 1.0, body, path="retry.py", start_line=2, end_line=4), 2, body)
    generator = Scripted(UNKNOWN, mode="quote")
    with pytest.raises(UnquotableError):
        write(generator, "how long does it sleep?", [passage])
    assert generator.requests == []


def test_no_model_is_asked_what_the_repository_does_not_hold(project):
    generator = Scripted("Kubernetes. [1]")
    assert ask(project, "How does the kubernetes scheduler place pods on nodes?", generator).abstained
    assert generator.requests == []


@pytest.mark.parametrize(
    "text", ["Click [here](http://a.example) <b>now</b> when the server is busy. [1]", "[[[", "`", ""]
)
def test_whatever_a_model_says_it_brings_no_markup_of_its_own(project, text):
    given = ask(project, QUESTIONS[0], Scripted(text))
    assert "[here](" not in given.text.replace("\\[", "")
    assert "<b>now" not in given.text.replace("\\<b", "")


@pytest.mark.model
@pytest.mark.parametrize("seed", range(3))
def test_no_model_however_bad_can_quote_what_is_not_there(project, work, tmp_path, seed):
    worker = work(write_model(tmp_path / f"{seed}.gguf", seed=seed, context=8192), context=8192)
    generator, cited = LocalModel(Model("random"), "quote", worker), 0
    for question in QUESTIONS:
        given = ask(project, question, generator)
        lead = given.text.split("\n\n")[0]
        for sentence, number in re.findall(r"(\S.*?) \[(\d+)\]", lead if given.model.name == "random" else ""):
            quote = next(each.quote for each in given.citations if each.id == int(number))
            said = re.sub(r"\W+", " ", sentence.replace("\\", ""))
            assert said.strip() in re.sub(r"\W+", " ", quote)
            cited += 1
    assert cited


@pytest.mark.model
def test_a_model_that_babbles_shows_no_receipt_that_does_not_hold(project, work, tmp_path):
    worker = work(write_model(tmp_path / "babble.gguf", context=8192), context=8192)
    for question in QUESTIONS:
        ask(project, question, LocalModel(Model("random"), "write", worker))


@pytest.mark.model
def test_a_model_killed_while_it_writes_leaves_an_answer(project, work, slow):
    worker = work(slow, context=4096)
    worker.about()
    given = ask(
        project,
        QUESTIONS[0],
        LocalModel(Model("doomed"), "quote", worker),
        told=lambda text: worker.pid and os.kill(worker.pid, signal.SIGKILL),
    )
    assert given.citations
    assert "No model wrote this: the model's process ended: it was killed" in given.text


def whence(*arguments):
    paths = os.pathsep.join(part for part in sys.path if part)
    command = [sys.executable, "-m", "whence_server", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, check=False)


@pytest.mark.model
def test_a_file_answers_on_the_command_line(project, tmp_path):
    path = write_model(tmp_path / "mine.gguf", context=8192)
    done = whence("ask", QUESTIONS[0], "--repo", project.path, "--model", path, "--json")
    assert done.returncode == 0, done.stderr
    given = json.loads(done.stdout)
    assert given["model"]["name"] in ("mine", "extractive")
    assert given["citations"]
    assert "No model wrote this" not in given["answer"]


def test_a_file_that_is_no_model_is_refused_on_the_command_line(project, tmp_path):
    path = tmp_path / "bad.gguf"
    path.write_bytes(b"no model")
    done = whence("ask", QUESTIONS[0], "--repo", project.path, "--model", path)
    assert done.returncode == 1
    assert "bad.gguf" in done.stderr
    assert "Traceback" not in done.stderr
