"""What comes first when several places hold a question's words."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer.query import parse_query
from whence_indexer.ranking import score, spread


def ranked(question, *candidates, touched=None):
    """Paths in the order they are shown, all candidates alike in meaning and in words, and one like neither below."""
    paths, symbols, kinds = zip(*((*candidate, "code")[:3] for candidate in [*candidates, ("z.z", [])]), strict=True)
    alike = np.array([1.0] * len(candidates) + [0.0], np.float32)
    scores = score(parse_query(question), alike, alike, paths, symbols, kinds, touched or {})
    return [paths[index] for index in spread(scores, paths, len(candidates))]


PREFERRED = {
    "the definition of the name that is looked up": (
        "Logger",
        ("src/handler.py", ["Handler"]),
        ("src/log.py", ["Logger"]),
    ),
    "the class before a method of another that mentions it": (
        "Middleware",
        ("a.py", ["App.add", "App.Middleware"]),
        ("b.py", ["Middleware", "Middleware.call"]),
    ),
    "the file that is named": ("what is in src/b.py", ("src/a.py", []), ("src/b.py", [])),
    "the file named after the topic, in another form of the word": (
        "how is the validation of a form plugged in",
        ("app/applications.py", []),
        ("app/validators.py", []),
    ),
    "the symbol named after the topic": ("how are tokens refreshed", ("a.py", ["load"]), ("b.py", ["refresh_token"])),
    "code before its tests": ("how are carts merged", ("tests/test_merge.py", []), ("src/merge.py", [])),
    "code before the list of changes": ("how are carts merged", ("CHANGES.md", [], "doc"), ("src/cart.py", [])),
    "code before prose": ("where are carts kept", ("docs/carts.md", [], "doc"), ("src/carts.py", [])),
    "the definition before the file that gathers them": (
        "how do carts work",
        ("cart/__init__.py", []),
        ("cart/a.py", []),
    ),
}


@pytest.mark.parametrize("reason", PREFERRED)
def test_comes_first(reason):
    question, other, preferred = PREFERRED[reason]
    assert ranked(question, other, preferred)[0] == preferred[0]


ASKED_FOR = {
    "how are carts tested": (("tests/carts.py", []), ("src/main.py", [])),
    "which release dropped carts": (("CHANGES.md", []), ("src/main.py", [])),
}


@pytest.mark.parametrize("question", ASKED_FOR)
def test_what_is_asked_for_is_not_held_back(question):
    asked_for, other = ASKED_FOR[question]
    assert ranked(question, asked_for, other)[0] == asked_for[0]


def test_documentation_that_is_asked_for_is_not_held_back():
    assert ranked("which tutorial is there", ("docs/a.md", [], "doc"), ("src/main.py", []))[0] == "docs/a.md"


def test_the_history_of_a_topic_says_which_file_it_is_about():
    found = ranked("why are carts merged", ("a.py", []), ("b.py", []), touched={"b.py": 1.0})
    assert found[0] == "b.py"


def test_one_file_does_not_fill_the_list():
    found = ranked("carts", *[("src/cart.py", [])] * 5, ("src/shop.py", []))
    assert found.index("src/shop.py") <= 2


@given(
    st.lists(
        st.tuples(st.sampled_from(["a.py", "tests/b.py", "c/__init__.py"]), st.floats(-1, 1, width=32)), max_size=30
    ),
    st.integers(1, 40),
)
def test_every_candidate_is_shown_at_most_once(candidates, limit):
    paths = [path for path, _ in candidates]
    values = np.array([value for _, value in candidates], np.float32)
    scores = score(parse_query("carts"), values, values, paths, [[] for _ in paths], ["code" for _ in paths])
    order = spread(scores, paths, limit)
    assert len(set(order)) == len(order) == min(limit, len(paths))


def test_a_source_file_is_no_list_of_changes_for_its_name():
    found = ranked("how does it go on", ("docs/history.rst", []), ("app/history.ts", []), ("app/other.ts", []))
    assert found[-1] == "docs/history.rst"
