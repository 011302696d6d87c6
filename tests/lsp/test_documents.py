"""What is on the screen is what the server sees: any edits, any line ends, any characters, in every encoding."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types as lsp

from whence_server.lsp.documents import Document, Place, split_lines
from whence_server.lsp.locations import to_path, to_uri
from whence_server.lsp.positions import PREFERRED, choose_encoding, to_column, to_units

TOKENS = ["a", "\t", "é", "漢", "😋", "\n", "\r", "\r\n", "\x0c", "\x85", "\u2028"]
TEXTS = st.lists(st.sampled_from(TOKENS), max_size=12).map("".join)
ENCODINGS = st.sampled_from(PREFERRED)
WIDTH = {"utf-8": lambda text: len(text.encode()), "utf-16": lambda text: len(text.encode("utf-16-le")) // 2,
         "utf-32": len}  # fmt: skip


@given(TEXTS, ENCODINGS, st.lists(st.tuples(st.integers(0), st.integers(0), TEXTS), max_size=5))
def test_edits_leave_the_text_that_the_editor_has(text, encoding, edits):
    document = Document.of("file:///a", 1, text)
    for one, other, replacement in edits:
        start, end = sorted((one % (len(text) + 1), other % (len(text) + 1)))
        if any(text[at - 1 : at + 1] == "\r\n" for at in (start, end)):
            continue  # no editor has a place between these
        change = lsp.TextDocumentContentChangePartial(
            lsp.Range(_position(text, start, encoding), _position(text, end, encoding)), replacement
        )
        text = text[:start] + replacement + text[end:]
        document.change([change], 2, encoding)
        assert document.text == text
        assert document.lines == split_lines(text)


@given(TEXTS, ENCODINGS, st.integers(0))
def test_a_position_is_the_same_place_for_git_and_back(text, encoding, offset):
    at = offset % (len(text) + 1)
    if text[at - 1 : at + 1] == "\r\n":
        return
    document = Document.of("file:///a", 1, text)
    position = _position(text, at, encoding)
    place = document.place(position, encoding)
    before = text[:at]
    assert place == Place(before.count("\n") + 1, len(before) - before.rfind("\n") - 1)
    assert document.position(place, encoding) == position


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), ENCODINGS)
def test_units_and_columns_are_inverse_and_never_outside_the_line(line, encoding):
    for column in range(len(line) + 1):
        units = to_units(line, column, encoding)
        assert units == WIDTH[encoding](line[:column])
        assert to_column(line, units, encoding) == column
    assert to_column(line, 10**9, encoding) == len(line)


def test_a_column_inside_a_character_is_where_it_begins():
    assert to_column("a😋b", 2, "utf-16") == 1
    assert to_column("a😋b", 4, "utf-8") == 1


def test_a_form_feed_ends_no_line():
    """Python's own splitting of lines takes it for one; every position below it would be wrong."""
    assert split_lines("a\x0cb\u2028c\nd") == ["a\x0cb\u2028c\n", "d"]


def test_an_encoding_is_chosen_from_what_the_client_offers():
    assert choose_encoding(None) == choose_encoding(["ebcdic"]) == "utf-16"
    assert choose_encoding(["utf-16", "utf-8"]) == "utf-8"
    assert choose_encoding(["utf-16", "utf-32"]) == "utf-32"


@pytest.mark.parametrize(("uri", "path"), [
    ("file:///home/ada/a%20b/%C3%BC%23%3F.py", PurePosixPath("/home/ada/a b/ü#?.py")),
    ("file://localhost/tmp/x", PurePosixPath("/tmp/x")),
    ("FILE:///tmp/100%25", PurePosixPath("/tmp/100%")),
    ("untitled:Untitled-1", None),
    ("file://[", None),
    ("file:///a%00b", None),
    ("git:/tmp/x?ref=HEAD", None),
    ("file://server/share", None),
])  # fmt: skip
def test_uris_are_paths(uri, path):
    assert to_path(uri, windows=False) == path


@pytest.mark.parametrize(("uri", "path", "back"), [
    ("file:///c%3A/Users/Ada%20L/x.py", "C:/Users/Ada L/x.py", "file:///C:/Users/Ada%20L/x.py"),
    ("file:///C:/x.py", "C:/x.py", "file:///C:/x.py"),
    ("file://server/share/d/x.py", "//server/share/d/x.py", "file://server/share/d/x.py"),
])  # fmt: skip
def test_uris_are_paths_on_windows(uri, path, back):
    assert to_path(uri, windows=True) == PureWindowsPath(path)
    assert to_uri(PureWindowsPath(path)) == back


@given(st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1))
def test_every_name_survives_as_a_uri(name):
    path = PurePosixPath("/folder") / name
    uri = to_uri(path)
    assert re.fullmatch(r"[\x21-\x7e]+", uri)
    assert to_path(uri, windows=False) == path


def _position(text, offset, encoding):
    """By the letter of the protocol, from the text alone."""
    before = text[:offset]
    if offset and before.endswith("\r") and text[offset : offset + 1] == "\n":
        raise AssertionError("no place")
    ends = list(re.finditer(r"\r\n|\n|\r", before))
    start = ends[-1].end() if ends else 0
    return lsp.Position(len(ends), WIDTH[encoding](before[start:]))
