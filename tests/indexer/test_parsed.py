"""A text as an editor shows it: what it defines on which lines, what is a remark, and who wrote each line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer import lineage, parsed
from whence_indexer.authorship import Authorship, recall, remember
from whence_indexer.parsed import parse

PYTHON = '''"""What it is."""
import os

LIMIT = 3


# How cars stop.
@braked
class Car:
    """A car. It €ends."""

    def stop(self):
        return f"{LIMIT} # no remark"  # at last
'''
GO = "package cars\n\n// Car stops.\ntype Car struct{}\n\nconst (\n\tA = 1\n\tB = 2\n)\n\nfunc (c *Car) Stop() {}\n"


def test_definitions_have_their_comments_and_the_line_of_their_name():
    found = [(each.name, each.first, each.line, each.last, each.variable) for each in parse("a.py", PYTHON).definitions]
    assert found == [("LIMIT", 4, 4, 4, True), ("Car", 7, 9, 13, False), ("Car.stop", 12, 12, 13, False)]
    found = [(each.name, each.first, each.line, each.last) for each in parse("a.go", GO).definitions]
    assert found == [("Car", 3, 4, 4), ("A", 7, 7, 7), ("B", 8, 8, 8), ("Car.Stop", 11, 11, 11)]


def test_definitions_around_a_line_come_outermost_first():
    assert [each.name for each in parse("a.py", PYTHON).around(13)] == ["Car", "Car.stop"]
    assert parse("a.py", PYTHON).around(4) == []


@pytest.mark.parametrize(
    ("line", "word", "place"),
    [
        (7, "cars", "comment"),
        (9, "class", "keyword"),
        (9, "Car", "code"),
        (10, "ends", "string"),
        (13, "LIMIT", "code"),
        (13, "remark", "string"),
        (13, "last", "comment"),
    ],
)
def test_a_place_is_code_or_a_remark(line, word, place):
    assert parse("a.py", PYTHON).place(line, PYTHON.split("\n")[line - 1].index(word)) == place


def test_remarks_are_comments_and_docstrings():
    rows = PYTHON.split("\n")
    said = [rows[each.line - 1][each.start : each.end] for each in parse("a.py", PYTHON).remarks()]
    assert said == ['"""What it is."""', "# How cars stop.", '"""A car. It €ends."""', "# at last"]


@given(st.sampled_from(["a.py", "a.go", "a.rs", "a.ts", "a.rb", "a.c", "a.md", "a.txt"]), st.text(max_size=300))
def test_any_text_is_parsed(path, text):
    parsed, rows = parse(path, text), text.split("\n")
    for each in parsed.definitions:
        assert 1 <= each.first <= each.line <= each.last <= len(rows)
    for each in parsed.remarks():
        assert 0 <= each.start < each.end <= len(rows[each.line - 1])
    parsed.place(len(rows), 0)


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_edited_lines_keep_their_commits(before, now):
    lines = [f"{number}\n" for number in now]
    known = Authorship(tuple(hash(str(number)) for number in before), ("sha",) * len(before), {})
    places = known.places(lines)
    assert len(places) == len(now)
    kept = [place for place in places if place is not None]
    assert kept == sorted(set(kept))
    assert all(place is None or before[place] == now[row] for row, place in enumerate(places))
    if before == now:
        assert places == list(range(len(now)))


def test_what_was_remembered_is_recalled_until_head_moves(make_repository):
    lineage.forget()
    project = make_repository("cars")
    project.write("a.py", PYTHON)
    first = project.commit("Add cars")
    repository = project.open()
    assert recall(repository, "a.py") is None
    remember(repository, "a.py")
    commits = recall(repository, "a.py").lines(["new\n", *PYTHON.splitlines(keepends=True)])
    assert commits[0] == "new"
    assert {commit.sha for commit in commits[1:]} == {first}
    project.commit("Another")
    assert recall(project.open(), "a.py") is None
    assert remember(repository, "untracked.py").lines(["x"]) == ["new"]


def test_of_a_file_that_is_edited_the_trees_are_not_kept_for_ever():
    text = "def f():\n    return 1\n" * 1_000
    for edit in range(40):
        parse("a.py", f"# {edit}\n{text}")
    held = [key for key in parsed._kept if key[0] == "a.py"]
    assert len(held) == 2
    assert held[-1][1].startswith("# 39")
    for number in range(40):
        parse(f"{number}.py", text * 5)
    assert sum(len(text) for _, text in parsed._kept) <= 1_000_000 + len(text) * 5


def test_a_long_text_is_parsed_by_whoever_may_wait():
    text = "def f():\n    return 1\n" * 4_000 + "# end\n"
    assert parsed.parse_at_once("long.py", text) is None
    assert parse("long.py", text) is parsed.parse_at_once("long.py", text)
    assert parsed.parse_at_once("huge.py", text * 15).definitions == ()
