"""A project is indexed and asked about: the questions are a developer's, and each answer stands where it says."""

import pytest

pytest.importorskip("datasketch")
pytest.importorskip("rouge_score")

from whence_indexer.store import Store
from whence_indexer.types import Citation, Span
from whence_indexer.workspace import Workspace
from whence_server.citations import verify
from whence_training.config import RULES
from whence_training.qa.collecting import collect, definition_of
from whence_training.qa.docquestions import doc_records
from whence_training.qa.generating import absent, capped, generate, unanswerable, with_distractors
from whence_training.qa.material import Section, process
from whence_training.qa.validation import Sources, validate


@pytest.fixture
def collected(shop):
    repository = shop.open()
    Workspace(repository).update()
    return collect(Store(repository.index_dir), repository.work_tree)


@pytest.fixture
def asked(collected):
    good, _ = validate(generate(process(collected)), Sources.of(collected))
    return {(record.generator.partition(":")[2], record.origin[0].symbol or ""): record for record in good}


def test_code_is_asked_about_by_its_documentation_signature_fields_and_comments(asked):
    assert asked["documentation", "Cart.total"].answer == "Returns the price of everything in the cart in cents."
    assert "Taxes of the country are included." in asked["explanation", "Cart.total"].answer
    assert asked["signature", "open_shop"].answer == '`def open_shop(name: str, *, currency: str = "EUR") -> Cart`'
    assert asked["default", "open_shop"].answer == '`"EUR"`.'
    assert asked["parameter", "Cart.add"].answer.startswith(("The name under which", "How many pieces"))
    assert asked["raises", "Cart.add"].answer == "If the catalogue has no item of that name."
    assert asked["changed", "Cart.add"].answer == "Items that are sold out are refused."
    why = asked["comment", "Cart.add"]
    assert "`stock = self.warehouse.stock_of(item)`" in why.question
    assert "another customer may have bought the last one" in why.answer
    assert asked["purpose", "open_shop"].answer == "`open_shop`, in `shop/cart.py`."
    assert "`Cart.add_all`: Put several items" in asked["comparison", "Cart.add"].answer


def test_documents_and_changelogs_are_asked_about(asked):
    invoice = asked["howto", "Sending an invoice"]
    assert "send an invoice" in invoice.question
    assert invoice.answer.startswith("An invoice is sent as soon as the goods have left")
    assert asked["release", "Version 1.2.0"].answer == "2024-03-01."
    assert "1.2.0" in asked["changelog", "Version 1.2.0"].question


def test_commits_are_asked_why_who_and_when(collected):
    good, _ = validate(generate(process(collected)), Sources.of(collected))
    why = {record.answer for record in good if record.generator == "rules:reason"}
    assert "Reading them each time made the page slow, because the database is far away." in why
    assert "Customers paid for goods that could not be sent, so that we had to refund them." in why
    facts = [record for record in good if record.generator in {"rules:author", "rules:date", "rules:files"}]
    assert all(record.author in {"Ada Author", "Grace Maintainer"} for record in facts)
    assert all(record.origin[0].commit for record in facts)


def test_of_two_verbs_in_a_title_none_is_turned():
    text = "{}\n\nSending and receiving goods begins in the evening, and takes until noon.\n"
    questions = []
    for title in ("Sending goods", "Sending and receiving goods"):
        section = Section(title, (), Span("docs/guide.md", 1, 3), "markdown", text.format(f"# {title}"))
        questions += [record.question for record in doc_records(section)]
    assert "send goods" in questions[0]
    assert "sending and receiving goods" in questions[1]


@pytest.mark.parametrize(
    ("section", "text", "changed"),
    [
        ("def add(self):", "-    a = 1\n+    a = 2\n", "add"),
        ("func (c *Context) File(path string) {", "+\treturn nil\n", "File"),
        ("func (c *Context) BindTOML() {", "-// BindPlain binds.\n+// BindPlain is short.\n", ""),
        ("func (c *Context) File(path string) {", "+}\n+\n+// Dir serves.\n+func (c *Context) Dir() {\n", "Dir"),
        ("class Cart {", "+    /**\n+     * Counts the items.\n", ""),
        ("def add(self):", "+def total():\n+    pass\n+def price():\n+    pass\n", ""),
        ("module github.com/shop/cart", "-    yaml v1\n+    yaml v2\n", ""),
        ("import (", '+\t"net/http"\n', ""),
    ],
)
def test_a_commit_is_said_to_change_only_what_its_lines_show(section, text, changed):
    assert definition_of(section, text) == changed


def test_tests_are_not_asked_about(collected):
    assert not any("tests/" in record.origin[0].place for record in generate(process(collected)))


def test_every_quote_stands_in_the_repository_as_the_server_checks_it(shop, collected):
    records = [record for record in generate(process(collected)) if record.origin[0].path]
    checked = Workspace(shop.open()).ask(
        lambda searcher: [
            verify(
                Citation(1, shown.kind, shown.text, shown.path, shown.start_line, shown.end_line), shop.open(), searcher
            )
            for record in records
            for shown in record.context
        ]
    )
    assert len(checked) > 15
    assert all(checked)


def test_an_unanswerable_question_is_answered_by_nothing_that_is_shown(collected):
    material = process(collected)
    good, _ = validate(generate(material), Sources.of(collected))
    made = [*unanswerable(good, 0.5), *absent(material.units, 5)]
    assert made
    assert {record.answer for record in made} == {"I don't know."}
    assert all(record.quotes == () and not record.answerable for record in made)
    for record in made:
        originals = [each for each in good if each.question == record.question]
        assert all(each.context[0].text not in [shown.text for shown in record.context] for each in originals)


def test_distractors_stand_beside_the_evidence_and_the_quotes_still_resolve(collected):
    good, _ = validate(generate(process(collected)), Sources.of(collected))
    mixed = with_distractors(good, 1.0, 3)
    assert any(len(record.context) > 2 for record in mixed)
    for record in mixed:
        assert all(quote.text in record.context[quote.evidence].text for quote in record.quotes)
    assert validate(mixed, Sources.of(collected))[1] == []


def test_the_same_index_gives_the_same_records(collected):
    material = process(collected)
    assert [record.hash for record in generate(material)] == [record.hash for record in generate(process(collected))]


def test_a_rule_is_kept_to_its_share_and_left_out_where_that_is_none(asked):
    records = list(asked.values())
    assert {"author", "signature"} <= {rule for rule, _ in asked} <= RULES
    left = capped(records, {"author": 0.0, "signature": 0.01, "": 1.0}, least=1)
    rules = [record.generator.partition(":")[2] for record in left]
    assert "author" not in rules
    assert rules.count("signature") == 1
    assert [each for each in left if each.generator not in ("rules:author", "rules:signature")] == [
        each for each in records if each.generator not in ("rules:author", "rules:signature")
    ]
