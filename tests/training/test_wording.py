"""Titles and doc comments begin with verbs; questions turn them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_training.qa.wording import phrase


@pytest.mark.parametrize(
    ("text", "base", "third", "past"),
    [
        ("Adds a cache", "add a cache", "adds a cache", "added a cache"),
        ("dropped old readers", "drop old readers", "drops old readers", "dropped old readers"),
        ("Retry failed requests", "retry failed requests", "retries failed requests", "retried failed requests"),
        ("Making it faster", "make it faster", "makes it faster", "made it faster"),
        ("fixes a leak", "fix a leak", "fixes a leak", "fixed a leak"),
        ("send", "send", "sends", "sent"),
    ],
)  # fmt: skip
def test_every_form_of_a_verb_gives_all_others(text, base, third, past):
    found = phrase(text)
    assert (found.base, found.third, found.past) == (base, third, past)


@pytest.mark.parametrize("text", ["A cache", "", "Faster", "cart: add", "The fix", "ADD-ON for x"])
def test_what_begins_with_no_verb_is_no_phrase(text):
    assert phrase(text) is None


@given(st.text())
def test_any_text_is_read(text):
    found = phrase(text)
    assert found is None or found.rest in text
