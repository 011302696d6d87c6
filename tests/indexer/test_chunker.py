"""Chunks along syntax: definitions whole and with their comments, every line exactly once, whatever the text."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence_indexer.chunker import chunk_file
from whence_indexer.pieces import MAX_CHARACTERS, MAX_LINES
from whence_indexer.types import Chunk

FIXTURES = Path(__file__).parent / "fixtures" / "chunker"
SAMPLES = {path.name: path.read_text() for path in sorted(FIXTURES.glob("sample.*"))}
EXPECTED = FIXTURES / "expected.txt"
CODE = [name for name in SAMPLES if not name.endswith((".md", ".rst", ".adoc", ".ipynb"))]
NAMES = [*(name for name in SAMPLES if not name.endswith(".ipynb")), "sample.txt", "sample.css", "Makefile"]

A_METHOD = """\
    # Why it is so.
    @cached
    def method_{0}(self, request: str) -> str:
        answer = request.strip()
        for part in answer.split():
            if part in self.known:
                answer += self.known[part]
        for part in reversed(answer.split()):
            if part not in self.known and len(part) > {0}:
                answer = answer.replace(part, self.fallback(part))
        return answer

"""


def count_lines(text: str) -> int:
    return text.count("\n") + (0 if text.endswith("\n") or not text else 1)


def assert_every_line_once(text: str, chunks: list[Chunk]) -> None:
    assert "".join(chunk.text for chunk in chunks) == text
    assert [chunk.span.start_line for chunk in chunks] == [
        1 + sum(count_lines(before.text) for before in chunks[:index]) for index in range(len(chunks))
    ]
    assert all(chunk.span.end_line - chunk.span.start_line + 1 == count_lines(chunk.text) for chunk in chunks)
    assert all(chunk.text.strip() for chunk in chunks) or not text.strip()


def assert_small(chunk: Chunk) -> None:
    """Within the limits, but for a single line and for blank lines around it."""
    body = chunk.text.strip()
    assert "\n" not in body or (len(body) <= MAX_CHARACTERS and body.count("\n") < MAX_LINES)


def lines_of(chunk: Chunk) -> str:
    return f"{chunk.span.start_line}-{chunk.span.end_line}"


@pytest.fixture
def nothing_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of zero: every container is opened and every definition stands alone, so that its lines can be told."""
    small = ("pieces.SMALL_CHARACTERS", "pieces.TINY_CHARACTERS", "outline.SMALL_CHARACTERS")
    for constant in (*small, "syntax.TARGET_CHARACTERS"):
        monkeypatch.setattr(f"whence_indexer.{constant}", 0)


@pytest.mark.usefixtures("nothing_is_joined")
@pytest.mark.parametrize("name", CODE)
def test_definitions_come_with_their_comments_and_on_their_exact_lines(name: str) -> None:
    chunks = chunk_file(name, SAMPLES[name])
    found = [f"{name} {lines_of(chunk)} {', '.join(chunk.symbols) or '-'}" for chunk in chunks]
    assert found == [line for line in EXPECTED.read_text().splitlines() if line.startswith(name + " ")]


@pytest.mark.parametrize("name", CODE)
def test_a_small_file_is_one_chunk_that_lists_all_symbols(name: str) -> None:
    (chunk,) = chunk_file(name, SAMPLES[name])
    rows = [line.split(" ", 2) for line in EXPECTED.read_text().splitlines()]
    expected = {symbol for sample, _, symbols in rows if sample == name for symbol in symbols.split(", ")} - {"-"}
    assert set(chunk.symbols) == expected


def test_a_small_class_stays_whole_with_the_class_first() -> None:
    chunks = chunk_file("a.py", "import os\n\n\nclass A:\n" + A_METHOD.format(1))
    assert [chunk.symbols for chunk in chunks] == [("A", "A.method_1")]


def test_a_large_class_becomes_its_header_and_its_members() -> None:
    header = 'class A(B):\n    """What it is for."""\n\n    known: dict = {}\n\n'
    text = header + "".join(map(A_METHOD.format, range(6)))
    chunks = chunk_file("a.py", text)
    assert chunks[0].symbols == ("A", "A.method_0")
    assert chunks[0].scope == ()
    assert [symbol for chunk in chunks[1:] for symbol in chunk.symbols] == [f"A.method_{n}" for n in range(1, 6)]
    assert {chunk.scope for chunk in chunks[1:]} == {("A",)}
    assert all(chunk.text.startswith("    # Why it is so.\n    @cached\n") for chunk in chunks[1:])
    assert chunks[1].header == "a.py > A > A.method_1"


def test_a_large_function_is_cut_where_its_outermost_statements_start() -> None:
    loop = "    for part in parts:\n        if part:\n" + "            total += part * 2 - 1\n" * 12
    text = "def count(parts):\n    total = 0\n" + loop * 12
    first, *others = chunk_file("a.py", text)
    assert (first.symbols, first.scope) == (("count",), ())
    assert others
    for part in others:
        assert (part.symbols, part.scope) == ((), ("count",))
        assert part.text.startswith("    for part in parts:")
        assert_small(part)


def test_a_nested_function_is_found_in_the_part_where_it_starts() -> None:
    inner = "    def inner(x):\n" + "        x = x + 1  # and so on, and so on\n" * 30
    chunks = chunk_file("a.py", "def outer():\n" + "    y = 1  # and so on, and so on, and on\n" * 40 + inner)
    assert "outer.inner" in [symbol for chunk in chunks for symbol in chunk.symbols]


def test_a_comment_with_a_blank_line_below_does_not_belong_to_what_follows() -> None:
    text = "x = 1\n\n# About the whole.\n\n# About f.\ndef f():\n" + "    return 1  # and so on, and so on\n" * 40
    chunks = chunk_file("a.py", text)
    assert chunks[-1].text.startswith("# About f.\n") or chunks[0].symbols == ("f", "x")


def test_two_definitions_on_one_line_share_a_chunk() -> None:
    (chunk,) = chunk_file("a.js", "function a() {} function b() {}\n")
    assert chunk.symbols == ("a", "b")


def test_names_are_right_after_characters_of_several_bytes() -> None:
    (chunk,) = chunk_file("a.py", "x = 'größer 🎉 日本'\n\n\ndef naïve(): return '🎉'\n\n\ndef 名(): pass\n")
    assert chunk.symbols == ("naïve", "名", "x")


@pytest.mark.parametrize("name", CODE)
def test_a_file_with_a_syntax_error_still_gives_symbols(name: str) -> None:
    broken = SAMPLES[name] + "\n)) ]] } ??? <<< ((\n"
    chunks = chunk_file(name, broken)
    assert_every_line_once(broken, chunks)
    assert any(chunk.symbols for chunk in chunks)


def test_an_empty_file_has_no_chunks() -> None:
    assert chunk_file("a.py", "") == []
    assert chunk_file("a.md", "") == []


def test_a_file_of_blank_lines_is_one_chunk() -> None:
    assert [chunk.text for chunk in chunk_file("a.py", "\n" * 500)] == ["\n" * 500]


def test_only_a_line_feed_ends_a_line() -> None:
    text = "a = 1\r\nb = '\x0c\x85\u2028'\rc = 3\n"
    assert [(chunk.span.end_line, chunk.text) for chunk in chunk_file("a.py", text)] == [(2, text)]


def test_one_very_long_line_is_one_chunk_and_never_cut() -> None:
    text = "var a=1;" * 200_000
    assert [chunk.text for chunk in chunk_file("a.min.js", text)] == [text]


def test_plain_files_are_cut_at_blank_lines() -> None:
    text = ("key: value that says something\n" * 12 + "\n") * 10
    chunks = chunk_file("a.yaml", text)
    assert len(chunks) > 1
    assert all(chunk.text.endswith("\n\n") for chunk in chunks)
    assert {chunk.kind for chunk in chunks} == {"code"}


@pytest.mark.parametrize("opening", ["class A {\n", "(\n", "{\n", "[\n", "f(() => {\n", "if (a) {} else\n"])
@pytest.mark.parametrize("suffix", ["js", "py", "cpp", "rb"])
def test_no_depth_of_nesting_breaks_it(opening: str, suffix: str) -> None:
    text = opening * 3000
    assert_every_line_once(text, chunk_file(f"a.{suffix}", text))


def test_a_megabyte_takes_well_under_two_seconds() -> None:
    text = ("class A:\n" + "".join(map(A_METHOD.format, range(20)))) * 150
    start = time.thread_time()
    chunks = chunk_file("a.py", text[:1_000_000])
    assert time.thread_time() - start < 2
    assert len(chunks) > 500


@settings(max_examples=150, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300), data=st.data())
def test_every_line_of_any_text_is_in_exactly_one_chunk(text: str, data: st.DataObject) -> None:
    spaced = text.replace("a", "\n").replace("0", "\r\n")
    assert_every_line_once(spaced, chunk_file(data.draw(st.sampled_from(NAMES)), spaced))


@settings(max_examples=300, deadline=None)
@given(data=st.data(), seam=st.sampled_from(["", "\n", "\n\n\n", "\r\n", "\f\n", " "]))
def test_every_line_of_any_mixture_of_code_is_in_exactly_one_chunk(data: st.DataObject, seam: str) -> None:
    cuts = st.tuples(st.sampled_from(list(SAMPLES.values())), st.integers(0, 1200), st.integers(0, 1200))
    pieces = data.draw(st.lists(cuts, min_size=1, max_size=6))
    text = seam.join(sample[start : start + length] for sample, start, length in pieces)
    chunks = chunk_file(data.draw(st.sampled_from(NAMES)), text)
    assert_every_line_once(text, chunks)
    for chunk in chunks:
        assert_small(chunk)
