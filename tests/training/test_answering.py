"""Questions of a dataset asked on the server's path: what is searched for, what is not, and what the prompt holds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("pydantic")
pytest.importorskip("rouge_score")

from whence_indexer.query import parse_query
from whence_indexer.workspace import Workspace
from whence_server.errors import PromptError, WorkerError
from whence_server.generation.confidence import RETRIEVAL_ALONE
from whence_server.generation.generator import Generated
from whence_server.generation.grammar import literal
from whence_server.generation.prompt import UNKNOWN
from whence_server.types import Model
from whence_training.config import Config, Promotion
from whence_training.evaluation.leaks import refuse_leak
from whence_training.evaluation.names import Inventory
from whence_training.finetuning.answering import answer_records, ask, quote_records
from whence_training.finetuning.base import Base
from whence_training.finetuning.bench import Bench
from whence_training.finetuning.examples import reference
from whence_training.qa.record import Evidence, Quote, Record
from whence_training.release.promotion import judge
from whence_training.run import Run

INVOICE = "An invoice is sent as soon as the goods have left the warehouse."
QUESTION = "When is an invoice sent to the customer?"
GUIDE = Evidence("doc", f"{INVOICE} The credit of the customer is checked first.", "docs/guide.md", 5)
OTHER = Evidence("doc", "The shop is closed on Sundays.", "docs/hours.md", 1)
RECORD = Record("docs", "when", "easy", QUESTION, INVOICE, (GUIDE,), (Quote(0, INVOICE),), "rules:section", "guide")
BASE = Base("base", Path(__file__), Path(), "quote", 4096, 1)  # the file is asked for its digest alone


class Scripted:
    """Says what it is told to, and remembers what it was asked."""

    model, mode, calibration = Model("scripted"), "quote", RETRIEVAL_ALONE

    def __init__(self, says):
        self.says, self.requests = says, []

    def context(self, check=None):
        return 4096

    def count(self, texts, check=None):
        return [len(text) // 4 for text in texts]

    def generate(self, request, told=None, check=None):
        self.requests.append(request)
        said = self.says(request)
        return Generated(said, "end", (-0.5,) * 4, 100, 0, 0.1, 0.2)


@pytest.fixture
def asker(shop):
    """Asks with what search finds in the shop, in which a set of questions is kept."""
    held = f'questions:\n  - question: "{QUESTION}"\n    answer: "{INVOICE}"\n'
    shop.write("exam/questions.yaml", held)
    shop.commit("Keep the questions that we ask our assistant", date="2024-06-02T10:00:00+00:00")
    workspace = Workspace(shop.open())
    workspace.update()
    searcher = workspace.current()
    return lambda *records: ask(records, "retrieval", searcher, workspace.repository), searcher


def test_what_search_finds_is_served_but_never_the_questions_that_measure(asker):
    asks, searcher = asker
    assert "exam/questions.yaml" in [hit.path for hit in searcher.search(parse_query(QUESTION), 12)]
    (asked,) = asks(RECORD)
    paths = [passage.hit.path for passage in asked.passages]
    assert "docs/guide.md" in paths
    assert "exam/questions.yaml" not in paths


QUOTING = f'Is "{QUESTION}" asked of us?'
KEPT = {
    "exam/set.jsonl": json.dumps({"question": QUOTING, "answer": INVOICE}),
    "exam/set.md": f"**{QUOTING}**\n\n{INVOICE}\n",
    "tests/test_exam.py": f"# {QUOTING.replace(' asked', chr(10) + '# asked')}\nWANTED = '{INVOICE}'\n",
    "exam/named.toml": f"[[questions]]\nanswer = '{INVOICE}'\npaths = ['docs/guide.md']\n",
}


@pytest.mark.parametrize("path", KEPT)
def test_a_set_of_questions_is_no_evidence_in_whatever_file_it_is_kept(shop, path):
    shop.write(path, KEPT[path])
    shop.commit("Keep what we ask our assistant", date="2024-06-02T10:00:00+00:00")
    named = {"imports": {"curated": [shop.path / path]}} if "named" in path else {}
    run = Run(shop.path, shop.open(), Config.model_validate({"dataset_generator": named}), "")
    Workspace(run.repository).update()
    record = replace(RECORD, question=QUOTING)
    found = [hit.path for hit in Workspace(run.repository).current().search(parse_query(QUOTING), 12)]
    (asked,) = Bench(run, BASE, None, "data", Inventory()).ask([record])
    served = [passage.hit.path for passage in asked.passages]
    assert path in found
    assert path not in served
    assert "docs/guide.md" in served


def test_quotations_are_asked_too_and_say_one_sentence_with_its_passage(asker):
    asks, _ = asker
    planted = replace(RECORD, generator="suite:injection", context=(OTHER, GUIDE), quotes=(Quote(1, INVOICE),))
    unknown = replace(RECORD, question="What does the frobnicator of Zorblax emit?", answer=UNKNOWN, answerable=False)
    found, shown, none = quote_records(asks(RECORD, planted, unknown))
    (number,) = found.cited
    assert found.answer in " ".join(found.passages[number - 1].quote.split())
    assert (shown.answer, shown.cited) == (INVOICE, (2,))
    assert (none.answer, none.cited, none.abstained) == ("", (), True)


def test_a_question_over_planted_evidence_is_asked_over_that(asker):
    asks, _ = asker
    planted = replace(RECORD, generator="suite:injection")
    other = replace(RECORD, generator="rules:unanswerable", answer=UNKNOWN, quotes=(), answerable=False)
    for asked in asks(planted, other):
        assert [passage.quote for passage in asked.passages] == [GUIDE.text]


def test_the_answer_is_in_no_prompt_but_as_evidence(asker):
    asks, _ = asker
    asked = asks(RECORD)
    writer = Scripted(lambda request: reference(RECORD, asked[0].passages, "quote"))
    (answered,) = answer_records(asked, writer)
    assert INVOICE in answered.answer
    assert not answered.abstained
    assert answered.cited
    for request in writer.requests:
        refuse_leak(RECORD, request.user, answered.passages)
    assert answered.log_loss == (2.0, 4)
    assert writer.requests[-1].grammar == f"root ::= {literal(reference(RECORD, asked[0].passages, 'quote'))}"
    quick = Scripted(writer.says)
    (answered,) = answer_records(asked, quick, measure_loss=False)
    assert (len(quick.requests), answered.log_loss) == (len(writer.requests) - 1, None)


def test_what_a_model_makes_up_is_measured_as_it_is_shown(asker):
    asks, _ = asker
    asked = asks(RECORD)
    number = next(n for n, passage in enumerate(asked[0].passages, 1) if INVOICE in passage.quote)
    writer = Scripted(lambda request: f"{INVOICE} [{number}]\nPigeons carry it across the ocean at night. [{number}]")
    writer.mode = "write"
    (answered,) = answer_records(asked, writer)
    assert "Pigeons" in answered.answer


def test_not_to_know_is_to_abstain_and_not_to_be_reached_is_not(asker):
    asks, _ = asker
    asked = asks(RECORD)
    (answered,) = answer_records(asked, Scripted(lambda request: UNKNOWN))
    assert (answered.abstained, answered.answer, answered.cited) == (True, "", ())

    def too_long(request):
        raise PromptError("the prompt has 9,000 tokens")

    (answered,) = answer_records(asked, Scripted(too_long))
    assert answered.abstained

    def gone(request):
        raise WorkerError("the model's process ended")

    with pytest.raises(WorkerError):
        list(answer_records(asked, Scripted(gone)))


def test_what_is_too_weak_to_answer_from_is_shown_to_no_model(asker):
    asks, _ = asker
    nowhere = replace(RECORD, question="How does the kernel schedule interrupts of the graphics card?")
    writer = Scripted(lambda request: UNKNOWN)
    (answered,) = answer_records(asks(nowhere), writer)
    assert (answered.abstained, writer.requests) == (True, [])


def test_a_report_says_by_what_evidence_was_asked(shop, asker):
    asks, _ = asker
    bench = Bench(Run(shop.path, shop.open(), Config(), ""), BASE, None, "data", Inventory())
    writer = Scripted(lambda request: UNKNOWN)
    served, closed = (
        bench.report(writer, asked, without=("bertscore",)) for asked in (asks(RECORD), ask([RECORD], "record"))
    )
    assert served.facts["evidence"] == "retrieval"
    for one, other in ((served, closed), (closed, closed)):
        assert judge(one, other, None, None, None, 0.0, Promotion())[0].state == "failed"
    assert judge(served, served, None, None, None, 0.0, Promotion())[0].state == "passed"
