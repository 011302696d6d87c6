"""A question as typed -> what it asks for."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer.errors import QueryError
from whence_indexer.query import MAX_CHARACTERS, parse_query

INTENTS = {
    "Why is the session cookie signed?": "history",
    "When did we drop Python 3.7?": "history",
    "Who wrote the parser?": "history",
    "which commit introduced the retry": "history",
    "Which issue made us drop this?": "history",
    "What changed in the router?": "history",
    "Where is the retry policy?": "definition",
    "  where are routes registered": "definition",
    "definition of Blueprint": "definition",
    "How are routes registered?": "explanation",
    "retry policy": "explanation",
    "What does add_item do?": "explanation",
}


@pytest.mark.parametrize(("question", "intent"), INTENTS.items())
def test_the_wording_tells_what_is_asked_for(question, intent):
    assert parse_query(question).intent == intent


NAMES = {
    "what does add_item do": ("add_item",),
    "how does addItem work": ("addItem",),
    "Blueprint vs HTTPAdapter": ("HTTPAdapter",),
    "where is Flask.route defined": ("Flask.route",),
    "std::move and Array#map": ("std.move", "Array.map"),
    "who calls run()": ("run",),
    'the error "no such table"': ("no such table",),
    "the `retry` option": ("retry",),
    "it doesn't matter, isn't it": (),
    "plain words only": (),
    "Blueprint": ("Blueprint",),
    "Sinatra::Base": ("Sinatra.Base",),
}


@pytest.mark.parametrize(("question", "names"), NAMES.items())
def test_identifiers_and_quoted_words_are_names(question, names):
    assert parse_query(question).names == names


PATHS = {
    "what is in src/app/main.py": ("src/app/main.py",),
    "explain setup.cfg and pyproject.toml": ("setup.cfg", "pyproject.toml"),
    "docs/how-to": ("docs/how-to",),
    "no path at all": (),
}


@pytest.mark.parametrize(("question", "paths"), PATHS.items())
def test_file_names_are_paths(question, paths):
    assert parse_query(question).paths == paths


def test_the_words_that_any_question_may_hold_do_not_carry_it():
    assert parse_query("How are the routes registered?").content == ("routes", "registered")


def test_a_name_carries_the_question_even_where_it_is_such_a_word():
    assert parse_query("where is `get` defined?").content == ("get", "defined")
    assert "from" in parse_query("What does from_any() do?").content


def test_a_question_of_nothing_but_such_words_keeps_them():
    assert parse_query("what is it").content == ("what", "is", "it")


@pytest.mark.parametrize("question", ["", "   ", "\n\t"])
def test_an_empty_question_is_refused(question):
    with pytest.raises(QueryError, match="empty"):
        parse_query(question)


def test_a_megabyte_is_refused_with_its_size():
    with pytest.raises(QueryError, match="1,000,000 characters"):
        parse_query("x" * 1_000_000)


def test_a_pasted_traceback_is_a_fair_question():
    traceback = 'File "/srv/app/main.py", line 3, in handle_request\n' * 300
    query = parse_query(traceback[:MAX_CHARACTERS])
    assert "handle_request" in query.names


@pytest.mark.parametrize("hostile", ["a", "a/", "a-", "a.", "_", "'", "`", "(", "aB", ".", "-", "a::"])
def test_the_longest_question_is_understood_in_no_time(hostile):
    start = time.perf_counter()
    parse_query((hostile * MAX_CHARACTERS)[:MAX_CHARACTERS])
    assert time.perf_counter() - start < 1


@given(st.text(min_size=1, max_size=200).filter(str.strip))
def test_any_question_at_all_is_understood(text):
    query = parse_query(text)
    assert query.text == text.strip()
    assert len(set(query.words)) == len(query.words) <= 200
    assert all(path in text for path in query.paths)


def test_a_protocol_with_its_number_is_no_path_and_is_found_as_code_calls_it():
    query = parse_query("When was support for HTTP/3 added?")
    assert query.paths == ()
    assert query.searched == ("support", "http", "3", "added", "http3")
    assert query.content == ("support", "http", "3", "added")  # it need not be called so
    assert parse_query("what is in docs/v3/api.md?").paths == ("docs/v3/api.md",)


@pytest.mark.parametrize(
    ("question", "commits"),
    [
        ("What did commit 3ac729dc4a do?", ("3ac729dc4a",)),
        ("who made 647311aba2?", ("647311aba2",)),
        ("What did commit 1234567 do?", ("1234567",)),
        ("Was 20240601 a day on which a facade was deadbeef?", ()),
        ("What is in build/3ac729dc4a and v1a2b3c4d.py?", ()),
    ],
)
def test_ids_of_commits_are_known_from_numbers_words_and_paths(question, commits):
    assert parse_query(question).commits == commits
