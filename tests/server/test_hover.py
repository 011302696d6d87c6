"""What a developer reads beside the mouse: what a symbol is, where it is from, who changed it last and why."""

import os
import re
import shutil
import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from whence_indexer import lineage
from whence_indexer.embedder import load_embedder
from whence_indexer.errors import RepositoryError, SlowError
from whence_indexer.indexing import update
from whence_indexer.repository import open_repository
from whence_indexer.search import Searcher
from whence_indexer.store import Store
from whence_indexer.threads import Thread
from whence_indexer.types import Span
from whence_server import opened
from whence_server.ages import age
from whence_server.hovering import hover
from whence_server.lenses import find_lenses
from whence_server.markup import as_message, as_text, code, plain

NOW = datetime(2024, 8, 7, tzinfo=UTC)  # three months after the commits of the tests
BRAKES = '''class Brake:
    """Slows a car. Only one wheel at a time."""

    def press(self, force):
        return self.pads * force

    def release(self):
        self.press(0)


def stop(car):
    # Not `press`, since the pedal may be stuck: see press_twice().
    force = 9
    return Brake().press(force)
'''
CAR = """import json
from brakes import Brake, stop
from elsewhere import park


def drive(car, stop_at):
    stop(car)
    park(car)
    json.dumps(car)
    Brake().release()
    return stop_at
"""


@pytest.fixture
def cars(make_repository):
    lineage.forget()
    project = make_repository("cars")
    project.write("brakes.py", BRAKES.replace("pads * force", "pad * force"))
    project.write("car.py", CAR)
    project.commit("Add cars")
    project.write("brakes.py", BRAKES)
    message = "Use all pads (#12)\n\nOne pad alone wore out, so that cars did not stop in time.\n"
    project.commit(message, author="Grace [G] <grace@example.com>", date="2024-05-07T07:08:09+02:00")
    update(project.open())
    return project


def searcher_of(repository):
    store = Store(repository.index_dir)
    return Searcher(repository, store, load_embedder(store.state.model))


def read(project, path, line, word, text=None, opened_first=("brakes.py", "car.py"), **options):
    """The hover over `word` in a line."""
    repository = project.open()
    for each in opened_first:
        opened.open_file(repository, each)
    text = (project.path / path).read_text() if text is None else text
    column = text.split("\n")[line - 1].index(word)
    return hover(searcher_of(repository), repository, path, line, column, text, now=NOW, **options)


def test_a_function_of_another_file_is_told_with_its_last_change(cars):
    shown = read(cars, "car.py", 10, "Brake")
    assert shown.markdown.split("\n\n") == [
        "**`Brake`** — Slows a car.",
        "Defined in `brakes.py:1`",
        r"Last changed 3 months ago by Grace \[G\]: Use all pads (#12)",
    ]
    assert (shown.line, shown.start, shown.end) == (10, 4, 9)


def test_without_documentation_the_signature_is_shown(cars):
    assert "`def stop(car)`" in read(cars, "car.py", 7, "stop").markdown


def test_a_line_is_told_with_the_reason_of_its_commit(cars):
    shown = read(cars, "brakes.py", 5, "return")
    assert shown.markdown == (
        r"3 months ago by Grace \[G\]: Use all pads (#12) — One pad alone wore out, so that cars did not stop in time."
    )
    assert (shown.start, shown.end) == (0, len("        return self.pads * force"))


@pytest.mark.parametrize(
    ("line", "word"),
    [(8, "park"), (9, "dumps"), (11, "stop_at"), (6, "stop_at"), (3, "elsewhere"), (2, "import"), (2, "brakes")],
)
def test_what_is_defined_elsewhere_or_is_a_variable_is_no_symbol_here(cars, line, word):
    assert "efined" not in read(cars, "car.py", line, word).markdown


def test_a_method_of_an_unknown_object_is_only_probable(cars):
    assert "Defined on line 4" in read(cars, "brakes.py", 8, "press").markdown
    asked = read(cars, "car.py", 10, "release").markdown
    assert "Probably defined in `brakes.py:7`" in asked


def test_a_comment_means_code_only_where_it_looks_like_it(cars):
    assert "`Brake.press`" not in read(cars, "brakes.py", 12, "pedal").markdown
    cars.write("brakes.py", BRAKES + "\n\ndef pedal():\n    pass\n")
    update(cars.open())
    assert "efined" not in read(cars, "brakes.py", 12, "pedal").markdown
    text = BRAKES.replace("the pedal", "the pedal()") + "\n\ndef pedal():\n    pass\n"
    assert "Probably defined" in read(cars, "brakes.py", 12, "pedal", text).markdown


def test_lines_are_those_on_screen(cars):
    text = "# A new line.\n" + BRAKES.replace("force = 9", "force = 10")
    assert "3 months ago" in read(cars, "brakes.py", 6, "return", text).markdown
    assert read(cars, "brakes.py", 14, "force", text).markdown == "Not committed yet"
    whole = read(cars, "brakes.py", 12, "stop", text)
    assert whole.markdown.endswith("Add cars · edited since, not committed")
    assert read(cars, "brakes.py", 10, "", text) is None  # a blank line


def test_before_a_file_was_opened_nothing_is_waited_for(cars):
    missing = []

    def wait(lines, contents):
        missing.append((lines, contents))

    lineage.forget()
    cars.commit("Another HEAD")
    shown = read(cars, "car.py", 10, "Brake", opened_first=(), wait=wait)
    assert "Last changed" not in shown.markdown
    assert missing == [(Span("brakes.py", 1, 8), None)]
    assert read(cars, "car.py", 8, "park", opened_first=(), wait=wait) is None
    assert missing[1:] == [(Span("car.py", 8, 8), CAR)]
    repository = cars.open()
    assert hover(None, repository, "car.py", 1, 0, "", now=NOW) is None
    assert hover(None, repository, "car.py", 99, 0, CAR, now=NOW) is None


def git_that(tmp_path, monkeypatch, does):
    """A git first on the path that does something else than blame."""
    script = tmp_path / "bin" / "git"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\ncase " $* " in *" blame "*) {does};; esac\nexec {shutil.which("git")} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return script


def test_where_git_fails_nothing_is_told_until_it_is_asked_again(cars, tmp_path, monkeypatch):
    lineage.forget()
    cars.commit("Another HEAD")
    repository, missing = cars.open(), []
    script = git_that(tmp_path, monkeypatch, "kill -9 $$")
    with pytest.raises(RepositoryError):
        opened.read_lines(repository, Span("brakes.py", 5, 5))
    opened.open_file(repository, "brakes.py")

    def ask():
        return hover(None, repository, "brakes.py", 5, 8, BRAKES, now=NOW, wait=lambda *lines: missing.append(lines))

    assert ask() is None
    assert find_lenses(repository, "brakes.py", BRAKES) == []
    script.unlink()
    assert missing == [(Span("brakes.py", 5, 5), BRAKES)]
    opened.read_lines(repository, *missing[0])
    assert "Use all pads" in ask().markdown


def test_a_blame_that_takes_too_long_is_given_up_and_told_as_nothing(cars, tmp_path, monkeypatch):
    lineage.forget()
    cars.commit("Another HEAD")
    repository = cars.open()
    monkeypatch.setattr(lineage, "_PATIENCE", 0.2)
    git_that(tmp_path, monkeypatch, "exec sleep 20")
    with pytest.raises(SlowError):
        opened.read_lines(repository, Span("brakes.py", 5, 5))
    assert hover(None, repository, "brakes.py", 5, 8, BRAKES, now=NOW) is None


def test_the_lines_looked_at_are_read_before_the_whole_file(make_repository):
    lineage.forget()
    project = make_repository("long")
    text = "".join(f"line {number}\n" for number in range(400))
    project.write("long.txt", text)
    project.commit("Write it all")
    repository = project.open()
    opened.read_lines(repository, Span("long.txt", 200, 200), text)

    def ask(line):
        return hover(None, repository, "long.txt", line, 0, text, now=NOW, wait=lambda lines, _: missing.append(lines))

    missing = []
    assert "Write it all" in ask(200).markdown
    assert ask(300) is None
    assert missing == [Span("long.txt", 300, 300)]
    opened.read_history(repository, "long.txt")
    assert "Write it all" in ask(300).markdown


def test_of_what_cannot_be_compared_with_a_commit_nothing_is_told(make_repository, tmp_path):
    project = make_repository("odd")
    project.write(".gitattributes", "*.big filter=store\n")
    project.write("a.big", "pointer\n")
    project.write("image.bin", b"\0\1\2")
    (project.path / "link.txt").symlink_to("a.big")
    inner = make_repository("inner")
    inner.write("a.txt", "shown\n")
    inner.commit("Begin")
    project.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--", inner.path, "inner")
    project.commit("Add odd things")
    project.git("config", "filter.store.smudge", "false")
    plain = tmp_path / "plain"
    plain.mkdir()
    for repository, path in [
        *((project.open(), path) for path in ("a.big", "image.bin", "link.txt", "inner/a.txt")),
        (open_repository(plain), "a.txt"),
    ]:
        opened.open_file(repository, path, "shown\n")
        assert hover(None, repository, path, 1, 0, "shown\n", now=NOW) is None, path
    repository = project.open()
    opened.open_file(repository, "new.txt", "shown\n")
    assert hover(None, repository, "new.txt", 1, 0, "shown\n", now=NOW).markdown == "Not committed yet"


def test_where_nearly_all_was_rewritten_the_lines_between_are_not_called_new(make_repository):
    lineage.forget()
    project = make_repository("rewritten")
    rows = [f"line {number}" for number in range(1_200)]
    project.write("a.txt", "\n".join(rows) + "\n")
    project.commit("Begin")
    repository = project.open()
    opened.open_file(repository, "a.txt")
    text = "\n".join([f"new {row}" if place != 600 else row for place, row in enumerate(rows)]) + "\n"
    assert hover(None, repository, "a.txt", 601, 0, text, now=NOW) is None
    assert hover(None, repository, "a.txt", 602, 0, text, now=NOW).markdown == "Not committed yet"


def test_of_two_commits_of_one_second_the_later_is_the_last_change(make_repository):
    lineage.forget()
    project = make_repository("rebased")
    project.write("a.py", "def f():\n    return 1\n")
    project.commit("Begin", date="2024-05-07T07:08:09+02:00")
    project.write("a.py", "def f():\n    return 2\n")
    project.commit("Return two", date="2024-05-07T07:08:09+02:00")
    project.write("a.py", "def f(x):\n    return 2\n")
    project.commit("Take x", date="2024-05-06T07:08:09+02:00")
    repository, text = project.open(), "def f(x):\n    return 2\n"
    opened.open_file(repository, "a.py")
    assert "Take x" in hover(None, repository, "a.py", 1, 4, text, now=NOW).markdown
    assert find_lenses(repository, "a.py", text)[0].commit.subject == "Take x"


GO = """package gin

// Context carries a request.
type Context struct{ n int }

func (c *Context) Copy(other Context) *Context {
	cp := Context{n: c.n}
	return &cp
}
"""
SESSIONS = """from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from brakes import Brake


def open(self, brake: Brake, other: "Brake", stop: int) -> Brake:
    stop(brake)
    return Brake()
"""


@pytest.mark.parametrize("line", [6, 7])
def test_a_type_is_found_in_its_own_file_though_a_parameter_is_of_it(cars, line):
    columns = [match.start() for match in re.finditer("Context", GO.split("\n")[line - 1])]
    for column in columns:
        shown = hover(None, cars.open(), "context.go", line, column, GO, now=NOW)
        assert "Context carries a request" in shown.markdown


def test_a_type_imported_for_annotations_alone_is_found(cars):
    repository = cars.open()
    for line in (6, 8):
        for match in re.finditer("Brake", SESSIONS.split("\n")[line - 1]):
            shown = hover(searcher_of(repository), repository, "s.py", line, match.start(), SESSIONS, now=NOW)
            assert "Slows a car" in shown.markdown, match
    opened.open_file(repository, "s.py", SESSIONS)
    shown = hover(searcher_of(repository), repository, "s.py", 7, 4, SESSIONS, now=NOW)
    assert shown.markdown == "Not committed yet"  # the parameter


def test_a_method_inherited_within_an_unsaved_file_is_probable(cars):
    text = "class A:\n    def zebra(self):\n        pass\n\n\nclass B(A):\n    def go(self):\n        self.zebra()\n"
    assert "Probably defined in `new.py:2`" in read(cars, "new.py", 8, "zebra", text).markdown


@pytest.mark.parametrize(
    "text",
    [
        "let a " * 5_000 + "\n\nzebra",
        "function f() {\n" + "let a let a let a let a zebr = zebra;\n" * 2_000 + "zebra\n}\n",
        "export const a = 1\n" * 3_000 + "zebra",
        "import abcdef\n" * 3_000 + "zebra",
        "import (\n" * 3_000 + "zebra",
        "a" * 50_000 + ".zebra",
    ],
)
def test_no_text_of_a_repository_makes_a_hover_slow(cars, text):
    line = text.count("\n", 0, text.rindex("zebra")) + 1
    row = text.split("\n")[line - 1]
    repository = cars.open()
    searcher = searcher_of(repository)
    started = time.thread_time()
    hover(searcher, repository, "x.js", line, row.rindex("zebra"), text, now=NOW)
    assert time.thread_time() - started < 2.0  # it was a minute


def test_an_imported_thread_is_called_by_its_title(cars, tmp_path):
    from whence_indexer.importing import import_threads
    from whence_indexer.threadfile import write_threads

    file = tmp_path / "threads.jsonl"
    write_threads([Thread(12, "pull", "Wear [all](command:x) pads evenly", "It squeaks.")], file)
    import_threads(cars.open(), str(file))
    shown = read(cars, "brakes.py", 5, "return")
    assert r"Use all pads (#12) (#12 “Wear \[all\](command:x) pads evenly”)" in shown.markdown


def test_links_run_commands_only_where_they_are_asked_for(cars):
    link = "command:{0}?{1.path}:{1.start_line}-{1.end_line}".format
    assert "command:" not in read(cars, "car.py", 10, "Brake").markdown
    assert read(cars, "car.py", 10, "Brake", link=link).markdown.endswith(
        "[Explain](command:whence.explain?brakes.py:1-8) · [Why?](command:whence.why?brakes.py:1-8)"
    )
    assert len(read(cars, "car.py", 10, "Brake", link=link).markdown.split("\n")) < 12


def test_a_name_with_many_definitions_says_how_many_more(cars):
    for number in range(2):
        cars.write(f"lib{number}/pump.py", "class Pump:\n    def inflate(self):\n        pass\n")
    cars.write("use.py", "def go(thing):\n    thing.inflate()\n")
    update(cars.open())
    shown = read(cars, "use.py", 2, "inflate").markdown
    assert "Probably defined in `lib0/pump.py:2`, or one of 1 more of that name" in shown
    for number in range(2, 5):
        cars.write(f"lib{number}/pump.py", "class Pump:\n    def inflate(self):\n        pass\n")
    update(cars.open())
    assert read(cars, "use.py", 2, "inflate") is None  # five say nothing, and the file is not committed


def test_a_definition_that_is_gone_since_it_was_indexed_is_not_told(cars):
    searcher = searcher_of(cars.open())
    cars.write("brakes.py", "x = 1\n")
    repository = cars.open()
    opened.open_file(repository, "car.py")
    assert "efined" not in hover(searcher, repository, "car.py", 10, 6, CAR, now=NOW).markdown


def test_a_secret_in_a_signature_is_not_shown(cars):
    key = "AKIA" + "Q3EGRZ7XWOLNTY4D"
    text = f'def connect(key="{key}"):\n    pass\n'
    assert key not in read(cars, "new.py", 1, "connect", text).markdown


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("2024-08-06T23:59:30+00:00", "just now"),
        ("2025-01-01T00:00:00+00:00", "just now"),
        ("2024-08-06T22:00:00+00:00", "2 hours ago"),
        ("2024-08-05T00:00:00+02:00", "2 days ago"),
        ("2024-07-20T00:00:00Z", "2 weeks ago"),
        ("2023-08-01T00:00:00Z", "1 year ago"),
    ],
)
def test_ages(date, said):
    assert age(date, NOW) == said


@example("`a` [click](command:evil) ![i](http://evil.test/i) [2]")
@example("`[click](command:evil)")
@example("1. # a")
@given(st.text(alphabet="ab1.-+= `*_[]()<>!\\#&|~:/\n") | st.text())
def test_text_of_others_brings_no_link_no_markup_and_no_html(text):
    _is_text(f"by {plain(text)} x {code(text)}")
    _is_text(f"{plain(text)} [1]")


def _is_text(markdown):
    tokens = MarkdownIt("commonmark").parse(markdown)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    kinds = {child.type for child in tokens[1].children or []}
    assert kinds <= {"text", "code_inline", "text_special"}


def test_for_who_shows_no_markdown_an_answer_is_text():
    markdown = (
        "**`send_file`** — add \\_\\_future\\_\\_ annotations\n\n[Explain](command:a) · [#1](https://a.test/1) [2]\n\n"
        "| author | lines |\n| --- | --: |\n| A \\| B [1] | 3 |\n\n```\n**code**\n```\n\n1. one\n2. two"
    )
    assert as_text(markdown) == (
        "send_file — add __future__ annotations\n\nExplain · #1 (https://a.test/1) [2]\n\n"
        "author | lines\nA | B [1] | 3\n\n    **code**\n\n1. one\n2. two"
    )
    assert "](" not in as_message(plain("[click](command:evil)") + "\n\n```\n[click](command:evil)\n```")


@given(st.text(alphabet="ab1.-+= `*_[]()<>!\\#&|~:/") | st.text())
def test_text_of_others_is_shown_as_it_is_where_there_is_no_markdown(text):
    shown = " ".join(plain(text).split())
    assert " ".join(as_text(f"x {code(text)}").split()).startswith("x")
    if "`" not in text and "\\" not in text and "&" not in text:
        assert as_text(f"x {plain(text)}").split() == f"x {re.sub(chr(92) * 2 + '(.)', chr(92) + '1', shown)}".split()
