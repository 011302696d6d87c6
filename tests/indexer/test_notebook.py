"""Notebooks by cell: sources only, and spans that cover the JSON exactly once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whence_indexer.chunker import chunk_file
from whence_indexer.types import Chunk


def cell(kind: str, source: str, **more: Any) -> dict[str, Any]:
    outputs = {"outputs": [{"data": {"text/plain": ["42", '"source": ["no"]']}}], "execution_count": 1}
    return (
        {"cell_type": kind, "metadata": {}, "source": source.splitlines(keepends=True)}
        | (outputs if kind == "code" else {})
        | more
    )


def notebook(*cells: dict[str, Any], language: str = "python", indent: int | None = 1) -> str:
    metadata = {"kernelspec": {"name": "k"}, "language_info": {"name": language}}
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}, indent=indent) + "\n"


def assert_covers(text: str, chunks: list[Chunk]) -> None:
    ends = [0, *(chunk.span.end_line for chunk in chunks)]
    assert [chunk.span.start_line for chunk in chunks] == [end + 1 for end in ends[:-1]]
    assert ends[-1] == text.count("\n") + (0 if text.endswith("\n") or not text else 1)
    assert all(chunk.span.start_line <= chunk.span.end_line for chunk in chunks)


def test_each_cell_is_a_chunk_of_its_source() -> None:
    text = notebook(cell("markdown", "# Title\n\nWords."), cell("code", "def f():\n    return 42\n\nf()"))
    chunks = chunk_file("a.ipynb", text)
    assert_covers(text, chunks)
    assert [(chunk.kind, chunk.language, chunk.text, chunk.symbols) for chunk in chunks] == [
        ("doc", "markdown", "# Title\n\nWords.", ()),
        ("code", "python", "def f():\n    return 42\n\nf()", ("f",)),
    ]


def test_a_cell_runs_from_its_opening_line_to_just_before_the_next() -> None:
    text = notebook(cell("code", "a = 1"), cell("code", "b = 2"), cell("code", "c = 3"))
    rows = text.split("\n")
    chunks = chunk_file("a.ipynb", text)
    assert [rows[chunk.span.start_line - 1] for chunk in chunks] == ["{", "  {", "  {"]
    for chunk in chunks:
        assert json.dumps(chunk.text) in "\n".join(rows[chunk.span.start_line - 1 : chunk.span.end_line])


def test_outputs_are_left_out() -> None:
    text = notebook(cell("code", "1 + 1"))
    assert [chunk.text for chunk in chunk_file("a.ipynb", text)] == ["1 + 1"]


def test_empty_cells_belong_to_a_neighbour() -> None:
    text = notebook(cell("code", ""), cell("code", "a = 1"), cell("markdown", " \n"), cell("raw", "raw"))
    chunks = chunk_file("a.ipynb", text)
    assert_covers(text, chunks)
    assert [(chunk.text, chunk.kind) for chunk in chunks] == [("a = 1", "code"), ("raw", "doc")]


def test_code_is_in_the_language_of_the_kernel() -> None:
    text = notebook(cell("code", "f <- function(x) x"), language="R")
    assert [(chunk.kind, chunk.language) for chunk in chunk_file("a.ipynb", text)] == [("code", "r")]


def test_a_large_cell_is_cut_like_a_file_and_keeps_its_lines() -> None:
    source = "".join(f"def f{number}():\n" + "    return 'and so on, and so on'\n" * 20 for number in range(6))
    text = notebook(cell("markdown", "# Title"), cell("code", source))
    chunks = chunk_file("a.ipynb", text)
    assert_covers(text, chunks)
    assert [symbol for chunk in chunks for symbol in chunk.symbols] == [f"f{number}" for number in range(6)]
    rows = text.split("\n")
    for chunk in chunks[2:]:
        assert json.dumps(chunk.text.partition("\n")[0])[:-1] in rows[chunk.span.start_line - 1]


def test_a_source_may_be_one_string() -> None:
    text = notebook(cell("code", "") | {"source": "a = 1\nb = 2\n"})
    assert [chunk.text for chunk in chunk_file("a.ipynb", text)] == ["a = 1\nb = 2\n"]


def test_a_notebook_on_one_line_is_one_chunk() -> None:
    text = notebook(cell("markdown", "# Title"), cell("code", "a = 1"), indent=None)
    assert [(chunk.span.end_line, chunk.kind, chunk.text) for chunk in chunk_file("a.ipynb", text)] == [
        (1, "code", "# Title\na = 1")
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"cells": [\n',
        "[1,\n2]\n",
        "{}\n",
        '{"cells": 3}\n',
        '{"cells": [1]}\n',
        '{"cells": [{"source": []}]}\n',
        '{"cells": [{"cell_type": "code", "source": [1]}]}\n',
        '{"cells": [{"cell_type": [], "source": []}]}\n',
        '{"cells": [], "metadata": []}\n',
        "[" * 100_000,
        "not json\n" * 200,
        "\n\n",
    ],
)
def test_what_is_no_notebook_is_cut_into_lines(text: str) -> None:
    chunks = chunk_file("a.ipynb", text)
    assert_covers(text, chunks)
    assert "".join(chunk.text for chunk in chunks) == text


def test_an_empty_file_has_no_chunks() -> None:
    assert chunk_file("a.ipynb", "") == []


@settings(max_examples=150, deadline=None)
@given(
    cells=st.lists(st.tuples(st.sampled_from(["code", "markdown", "raw"]), st.text(max_size=60)), max_size=6),
    indent=st.sampled_from([None, 0, 1, 4]),
    cut=st.integers(0, 4000),
)
def test_the_lines_of_any_notebook_are_covered_once(cells: list[tuple[str, str]], indent: int | None, cut: int) -> None:
    text = notebook(*(cell(kind, source) for kind, source in cells), indent=indent)
    for variant in (text, text[:cut]):
        assert_covers(variant, chunk_file("a.ipynb", variant))
