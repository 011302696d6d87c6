"""Text -> the words it is searched by, the same for the index and for the query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer.terms import split_word, word_bag, words

NAMES = {
    "plain": ("plain",),
    "Plain": ("plain",),
    "HTTP": ("http",),
    "snake_case": ("snake", "case", "snakecase"),
    "camelCase": ("camel", "case", "camelcase"),
    "PascalCase": ("pascal", "case", "pascalcase"),
    "getHTTPResponse_v2": ("get", "http", "response", "v", "2", "gethttpresponsev2"),
    "utf8": ("utf", "8", "utf8"),
    "MAX_FILE_BYTES": ("max", "file", "bytes", "maxfilebytes"),
    "Größe": ("größe",),
    "caféMenü": ("café", "menü", "cafémenü"),
    "переменная": ("переменная",),
}


@pytest.mark.parametrize(("name", "parts"), NAMES.items())
def test_an_identifier_is_found_by_its_parts_and_whole(name, parts):
    assert split_word(name) == parts


SPELLINGS = ["maxFileBytes", "MAX_FILE_BYTES", "MaxFileBytes", "max_file_bytes", "__max_file_bytes__"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_name_in_every_spelling_is_the_same_words(spelling):
    assert words(spelling) == ["max", "file", "bytes", "maxfilebytes"]


def test_words_come_in_order_and_punctuation_is_none():
    assert words("self.cart.add(item); # the item") == ["self", "cart", "add", "item", "the", "item"]


def test_a_hash_is_data_and_not_a_word():
    assert words("key = " + "a" * 61) == ["key"]


def test_a_bag_counts_a_frequent_word_a_few_times_only():
    assert word_bag("b a " * 100, "c") == "a a a b b b c"


@pytest.mark.parametrize("text", ["", "   ", "!?.,;", "_", "___"])
def test_text_without_words_has_none(text):
    assert words(text) == []
    assert word_bag(text) == ""


TEXTS = st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_ .]{0,80}", fullmatch=True)


@given(TEXTS)
def test_the_index_and_the_query_agree_on_the_words(text):
    assert set(word_bag(text).split(" ")) - {""} == set(words(text))


@given(TEXTS)
def test_a_word_is_never_empty_and_holds_no_space(text):
    assert all(word and word.split() == [word] for word in words(text))


@given(TEXTS, TEXTS)
def test_two_texts_apart_have_the_words_of_both(first, second):
    assert set(words(f"{first} {second}")) == set(words(first)) | set(words(second))


@given(st.lists(st.from_regex(r"[a-z]{2,8}", fullmatch=True), min_size=1, max_size=5))
def test_a_name_is_found_by_each_of_its_parts(parts):
    camel = parts[0] + "".join(part.title() for part in parts[1:])
    for name in ("_".join(parts), camel):
        assert set(parts) <= set(split_word(name))
