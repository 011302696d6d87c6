"""Documentation by heading: what is a heading, what only looks like one, and where long sections are cut."""

from __future__ import annotations

import time

import pytest

from whence_indexer.chunker import chunk_file

PARAGRAPH = "A sentence that says something about the matter at hand, at some length.\n" * 8 + "\n"


def outline(path: str, text: str) -> list[tuple[str, tuple[str, ...]]]:
    """First line and scope of every chunk."""
    chunks = chunk_file(path, text)
    assert "".join(chunk.text for chunk in chunks) == text
    assert {chunk.kind for chunk in chunks} == {"doc"}
    assert all(chunk.symbols == () for chunk in chunks)
    return [(chunk.text.partition("\n")[0], chunk.scope) for chunk in chunks]


NESTED = [
    ("a.md", "# Guide\n\n¶## Install\n\n¶### Linux\n\n¶Options\n-------\n\n¶", "### Linux", "Options"),
    ("a.rst", "Guide\n=====\n\n¶Install\n-------\n\n¶Linux\n~~~~~\n\n¶Options\n-------\n\n¶", "Linux", "Options"),
    ("b.rst", "=====\nGuide\n=====\n\n¶Install\n=======\n\n¶Linux\n+++++\n\n¶Other\n=====\n\n¶", "Linux", "Other"),
    ("a.adoc", "= Guide\n\n¶== Install\n\n¶=== Linux\n\n¶== Options\n\n¶", "=== Linux", "== Options"),
    ("b.adoc", "Guide\n=====\n\n¶Install\n-------\n\n¶Linux\n~~~~~\n\n¶Options\n-------\n\n¶", "Linux", "Options"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "text", "third", "fourth"), NESTED)
def test_the_enclosing_titles_are_the_scope(path: str, text: str, third: str, fourth: str) -> None:
    found = outline(path, text.replace("¶", PARAGRAPH))
    assert [scope for _, scope in found] == [(), ("Guide",), ("Guide", "Install"), ("Guide",)]
    assert [line for line, _ in found[2:]] == [third, fourth]


@pytest.mark.parametrize("fence", ["```", "~~~~", "   ```"])
def test_a_comment_in_a_code_block_is_no_heading(fence: str) -> None:
    text = (
        f"# Guide\n\n{PARAGRAPH}{fence}sh\n# install it\nmake\n\n# run it\n{fence}\n\n{PARAGRAPH}## Next\n\n{PARAGRAPH}"
    )
    assert outline("a.md", text) == [("# Guide", ()), ("## Next", ("Guide",))]


def test_front_matter_is_no_heading() -> None:
    text = f"---\ntitle: Guide\n# a comment\n---\n\n# Guide\n\n{PARAGRAPH}"
    assert outline("a.md", text) == [("---", ())]


def test_lists_tables_and_rules_are_no_headings() -> None:
    text = (
        f"# Guide\n\n- item\n---\n\n| a | b |\n---\n\n---\n\n{PARAGRAPH}#hashtag\n\n{PARAGRAPH}    # code\n{PARAGRAPH}"
    )
    assert outline("a.md", text) == [("# Guide", ())]


def test_a_transition_or_a_table_is_no_title() -> None:
    text = f"Guide\n=====\n\n{PARAGRAPH}\n-----\n\n{PARAGRAPH}=====  =====\na      b\n=====  =====\n\n{PARAGRAPH}"
    assert outline("a.rst", text) == [("Guide", ())]


def test_a_delimited_block_is_no_asciidoc_heading() -> None:
    text = f"= Guide\n\n{PARAGRAPH}----\n== not a title\n----\n\n{PARAGRAPH}"
    assert outline("a.adoc", text) == [("= Guide", ())]


def test_titles_are_given_without_markup() -> None:
    text = f"# The `ask` [command](https://example.com) #\n\n{PARAGRAPH}## Options\n\n{PARAGRAPH}"
    assert outline("a.md", text)[1] == ("## Options", ("The ask command",))


def test_a_long_section_is_cut_between_paragraphs_and_its_parts_are_in_its_scope() -> None:
    text = f"# Guide\n\n{PARAGRAPH}## Install\n\n{PARAGRAPH * 8}"
    _, first, *others = outline("a.md", text)
    assert first == ("## Install", ("Guide",))
    assert others
    assert {scope for _, scope in others} == {("Guide", "Install")}
    assert all(chunk.text.endswith("\n\n") for chunk in chunk_file("a.md", text))


def test_a_blank_line_in_a_code_block_is_not_where_a_section_is_cut() -> None:
    code = "```\n" + ("call(something, with_arguments)\n\n" * 12) + "```\n\n"
    chunks = chunk_file("a.md", "# Guide\n\n" + code * 8)
    assert len(chunks) > 1
    assert all(chunk.text.count("```") % 2 == 0 for chunk in chunks)


def test_short_sections_under_one_parent_are_joined() -> None:
    text = "# FAQ\n\n" + "".join(f"## Question {number}?\n\nYes, it does.\n\n" for number in range(9))
    assert len(chunk_file("a.md", text)) == 1


def test_a_heading_without_text_goes_with_what_follows() -> None:
    text = f"{PARAGRAPH}# Guide\n\n## Install\n\n{PARAGRAPH}"
    assert [line for line, _ in outline("a.md", text)][1:] == ["# Guide"]


def test_text_without_headings_is_cut_at_paragraphs() -> None:
    chunks = chunk_file("notes.txt", PARAGRAPH * 10)
    assert len(chunks) > 1
    assert all(chunk.text.endswith("\n\n") and chunk.kind == "doc" for chunk in chunks)


@pytest.mark.parametrize("hostile", ["[", "![", "<"])
def test_a_heading_made_to_be_slow_is_read_in_no_time(hostile: str) -> None:
    start = time.perf_counter()
    outline("a.md", f"# {hostile * 20_000}\n\n{PARAGRAPH}")
    assert time.perf_counter() - start < 2
