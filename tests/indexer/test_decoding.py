"""Bytes of a file -> text: what people save from editors is read, what programs write is left alone."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer.decoding import decode

TEXT = 'def greet():\n    return "Grüße, Zoë"\n'
ENCODED = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
MARKS = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE, "utf-32-be": codecs.BOM_UTF32_BE}
BINARY = {
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0",
    "elf": b"\x7fELF\x02\x01\x01" + b"\0" * 9,
    "zip": b"PK\x03\x04\x14\0\0\0\x08\0",
    "gzip": b"\x1f\x8b\x08\x00" + bytes(range(256)),
    "bytes": bytes(range(1, 256)) * 4,
    "control characters": bytes(range(1, 9)) * 50 + b"\xff",
    "half a UTF-16 character": codecs.BOM_UTF16_LE + b"a\0b",
    "an odd number of bytes": "text".encode("utf-16-le") + b"x",
}


@pytest.mark.parametrize("encoding", ENCODED)
def test_a_file_reads_the_same_in_every_encoding(encoding):
    assert decode(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("encoding", MARKS)
def test_a_byte_order_mark_tells_the_encoding_and_is_not_part_of_the_text(encoding):
    assert decode(MARKS[encoding] + TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("data", BINARY.values(), ids=BINARY)
def test_binary_data_is_not_text(data):
    assert decode(data) is None


def test_an_empty_file_is_text():
    assert decode(b"") == ""


def test_a_terminal_recording_is_text():
    assert decode(b"\x1b[31mfailed\x1b[0m\r\n") == "\x1b[31mfailed\x1b[0m\r\n"


def test_the_encoding_is_told_by_the_beginning_of_a_long_file():
    long = "one line of many\r\n" * 2_000
    assert decode(long.encode("utf-16-le")) == long
    assert decode((long + "Zoë").encode("latin-1")) == long + "Zoë"


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_text_survives_as_it_was_saved(text):
    if not text.startswith("\ufeff"):
        assert decode(text.encode()) == text
    assert decode(text.encode("utf-8-sig")) == text


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_text_of_every_script_survives_utf_16_with_a_mark(text):
    assert decode(text.encode("utf-16")) == text


@given(st.text(st.characters(max_codepoint=127, exclude_characters="\0"), min_size=1), st.sampled_from(["le", "be"]))
def test_plain_text_survives_utf_16_without_a_mark(text, order):
    assert decode(text.encode(f"utf-16-{order}")) == text


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_text_or_not_but_never_an_error(data):
    text = decode(data)
    assert text is None or text.count("\n") <= data.count(b"\n")
