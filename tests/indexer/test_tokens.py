"""The shipped model's tokens: looked up identifier by identifier, and the same as the tokenizer's own."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

import whence_indexer
from whence_indexer.tokens import Tokens

SHIPPED = str(Path(whence_indexer.__file__).parent / "weights" / "static" / "tokenizer.json")
LIMIT = 40
reference = Tokenizer.from_file(SHIPPED)
reference.enable_truncation(LIMIT)
tokens = Tokens(Tokenizer.from_file(SHIPPED), LIMIT)


def own(text):
    return reference.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize(
    "text",
    [
        "def getHTTPResponse_v2(self, urls=None):\n    return self._pool.get(urls[0x1F])  # once",
        "class Größe:  # naïve café № ½ ﬁ",
        "x" * 61 + " " + "aB" * 60,
        "[UNK] is a mark, [unk] is a word",
        "form\x0cfeed\x00nul\x1cseparator\x7f",
        "__init__ ___ _a_ a__b",
        "many " * 2 * LIMIT,
        "",
    ],
)
def test_a_text_has_the_tokens_that_its_tokenizer_gives(text):
    assert tokens.ids([text]) == [own(text)]


@given(st.lists(st.text(max_size=80) | st.from_regex(r"[ -~\n]{0,80}", fullmatch=True), max_size=4))
def test_texts_together_have_the_tokens_of_each(texts):
    assert tokens.ids(texts) == [own(text) for text in texts]
    assert tokens.ids(texts) == [own(text) for text in texts]  # remembered by now


def test_what_is_remembered_has_a_bound(monkeypatch):
    monkeypatch.setattr("whence_indexer.tokens._KNOWN", 3)
    small = Tokens(Tokenizer.from_file(SHIPPED), LIMIT)
    for text in ("one two three four", "five six", "one two", "seven one"):
        assert small.ids([text]) == [own(text)]
    assert len(small._known) <= 8
