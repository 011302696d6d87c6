"""Passages: the few lines of a hit that answer, quoted as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer.types import Hit
from whence_server.passages import MAX_LINES, Passage, best_passage, coverage, is_whole, sentences, signature

RETRY = '''def fetch(url, attempts=3):
    """Fetch a page, retrying when the server is busy.

    The delay doubles after every attempt.
    """
    for attempt in range(attempts):
        response = get(url)
        if response.status != 503:
            return response
        sleep(2**attempt)
    raise ServerBusy(url)
'''


def code(text, start=1):
    return Hit(kind="code", score=1.0, text=text, path="a.py", start_line=start, end_line=start + text.count("\n"))


def test_a_short_chunk_is_quoted_whole():
    passage = best_passage(code(RETRY, start=10), {"retrying": 1.0})
    assert passage.quote == RETRY.rstrip("\n")
    assert (passage.start_line, passage.end_line) == (10, 20)


def test_of_a_long_chunk_the_lines_that_answer_are_quoted():
    text = "\n".join(f"line {number}" for number in range(50)) + "\nthe needle is here\nand its thread\n"
    passage = best_passage(code(text), {"needle": 2.0, "thread": 1.0})
    assert "needle" in passage.quote
    assert passage.quote.count("\n") < MAX_LINES


def test_the_quoted_lines_are_the_lines_of_the_file():
    lines = [f"value_{number} = {number}" for number in range(40)]
    passage = best_passage(code("\n".join(lines), start=101), {"37": 1.0})
    assert passage.quote.split("\n") == lines[passage.start_line - 101 : passage.end_line - 100]


@given(st.text(min_size=1), st.dictionaries(st.sampled_from(["a", "b", "word"]), st.floats(0, 5)))
def test_any_text_gives_a_passage_that_is_part_of_it(text, weights):
    passage = best_passage(code(text), weights)
    assert passage.quote in text
    assert passage.end_line - passage.start_line < MAX_LINES


def test_sentences_come_without_comment_markers_and_without_code():
    found = list(sentences(best_passage(code(RETRY), {})))
    assert found == ["Fetch a page, retrying when the server is busy.", "The delay doubles after every attempt."]


@pytest.mark.parametrize(
    "line",
    ["// Opens the file for reading.", "/* Opens the file for reading. */", "# Opens the file for reading.",
     "-- Opens the file for reading.", "/// Opens the file for reading.", "   * Opens the file for reading."],
)  # fmt: skip
def test_comments_of_many_languages_are_read(line):
    assert list(sentences(best_passage(code(line), {}))) == ["Opens the file for reading."]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("def fetch(url):", "def fetch(url)"),
        ("export async function load(id: string) {", "export async function load(id: string)"),
        ("pub(crate) fn parse(input: &str) -> Result<Ast> {", "pub(crate) fn parse(input: &str) -> Result<Ast>"),
        ("func (s *Server) Serve() error {", "func (s *Server) Serve() error"),
        ("value = compute()", None),
    ],
)
def test_a_signature_is_the_line_that_defines(line, expected):
    assert signature(best_passage(code(line), {})) == expected


def test_coverage_weighs_words_and_sees_through_inflection():
    weights = {"registers": 3.0, "unicorn": 1.0}
    assert coverage("how registration works", weights) == pytest.approx(0.75)
    assert coverage("nothing of the kind", weights) == 0.0


def test_a_star_that_is_no_bullet_belongs_to_its_sentence():
    def told(line):
        return list(sentences(Passage(Hit("doc", 1.0, line, "a.md", 1, 1), 1, line)))

    assert told("*args are passed on to it.") == ["*args are passed on to it."]
    assert told("* The bullet is no part of it.") == ["The bullet is no part of it."]
    assert told("#12 is where it was told.") == ["#12 is where it was told."]


@pytest.mark.parametrize(
    ("text", "quoted", "path", "whole"),
    [
        ("Use the pool. At this point ``get``\nreturns a connection. It is open.\n", 1, "a.rst", {"It is open."}),
        ("// Bind picks an engine\n// by the header of a request.\n// For example, this one:\n", 1, "a.go", set()),
        (
            "// clean is what path.Clean is.\nfunc clean(p string) string {\n",
            0,
            "a.go",
            {"clean is what path.Clean is."},
        ),
        ('def f():\n    """Read all of it.\n', 0, "a.py", {"Read all of it."}),
        ("unless worker.restart\n  log 'not restarted, for lack of workers.'\n", 0, "a.rb", set()),
        (
            "Running many services\n=====================\n\nRun each in a thread.\n",
            0,
            "a.rst",
            {"Run each in a thread."},
        ),
        ("{% for message in messages %}\nShown is {{ message }}.\n", 0, "a.md", set()),
    ],
)
def test_what_leads_is_a_whole_sentence(text, quoted, path, whole):
    lines = text.rstrip("\n").split("\n")
    hit = Hit("doc" if path.endswith(("md", "rst")) else "code", 1.0, text, path, 1, len(lines))
    passage = Passage(hit, 1 + quoted, "\n".join(lines[quoted:]))

    assert {sentence for sentence in sentences(passage) if is_whole(sentence, passage)} == whole
