"""What somebody asks who sees a project for the first time: what it is, how its tests are run, what is new."""

from __future__ import annotations

import pytest

from whence_indexer.indexing import update
from whence_indexer.workspace import Workspace
from whence_server.answering import answer
from whence_server.conversations import Turn, question_of

README = """# [Ferry](https://ferry.example) \N{SHIP} a timetable

[![Build](https://ci.example/badge.svg)](https://ci.example)
<p align="center"><img src="logo.svg" alt="A project"></p>

## Version 2 of this project is out!

We are glad to announce what this project does now.

_Ferry_ is a [timetable](https://t.example) for boats. It does
more than that.
"""
CONDUCT = "# Code of conduct\n\nThis Code of Conduct applies within project spaces, and says what a project does.\n"
TESTS = """def test_run_tests_of_the_boat(monkeypatch):
    \"\"\"How the tests are run.\"\"\"
    assert True
"""


WORKFLOW = "jobs:\n  test:\n    steps:\n      - run: cargo test --all\n"
GUIDE = "# Help\n\nBefore pytest is run, run `tox -e docs`.\n\nThen:\n\n    $ uv run pytest -x\n"


@pytest.fixture
def ask(make_repository):
    """Commits files and asks a question about them."""

    def asked(question, files, before=None):
        made = make_repository("ferry")
        for path, text in {"CODE_OF_CONDUCT.md": CONDUCT, "tests/test_run.py": TESTS, **files}.items():
            made.write(path, text)
        made.commit("Sail")
        update(made.open())
        workspace, understood = Workspace(made.open()), question_of(question, None, before)
        return workspace.ask(lambda searcher: answer(understood, searcher, workspace.repository))

    return asked


@pytest.mark.parametrize(
    "question", ["What does this project do?", "what is this repository about", "Explain the project"]
)
def test_the_readme_says_what_the_project_does(ask, question):
    said = ask(question, {"README.md": README})

    assert not said.abstained
    assert said.text.startswith("Ferry is a timetable for boats. [1]")
    assert [(each.path, each.start_line) for each in said.citations] == [("README.md", 10)]


def test_it_is_no_question_of_what_was_talked_about_before(ask):
    said = ask("What does this project do?", {"README.md": README}, Turn("Who added sail?", ("sail",)))

    assert said.text.startswith("Ferry is a timetable")


def test_where_the_readme_does_not_say_it_the_package_does(ask):
    manifest = '{\n  "name": "ferry",\n  "description": "Timetables of boats, by the minute"\n}\n'
    said = ask(
        "What does this project do?", {"README.md": "# Ferry\n\nSee the wiki for all that.\n", "package.json": manifest}
    )

    assert said.text.startswith("Timetables of boats, by the minute [1]")
    assert said.citations[0].path == "package.json"


def test_titles_underlined_and_pictures_are_no_prose(ask):
    prose = "Timetables of boats in `Python <https://p.example>`_. Fast.\n"
    readme = f"|logo| |build| |and more| |pictures|\n\nFerry\n=====\n\n{prose}"
    said = ask("What is this project?", {"README.rst": readme})

    assert said.text.startswith("Timetables of boats in Python. [1]")


@pytest.mark.parametrize(
    ("files", "command", "path"),
    [
        ({"Makefile": "build:\n\tgo build\n\ntest: build\n\tgo test ./...\n"}, "make test", "Makefile"),
        ({"package.json": '{\n  "scripts": {\n    "test": "vitest run"\n  }\n}\n'}, "npm test", "package.json"),
        ({"pyproject.toml": "[tool.tox.env_run_base]\ncommands = [[\"pytest\"]]\n"}, "tox", "pyproject.toml"),
        ({".github/workflows/ci.yml": WORKFLOW}, "cargo test --all", ".github/workflows/ci.yml"),
        (
            {"CONTRIBUTING.md": GUIDE, "Makefile": "test:\n\tpytest\n"},
            "uv run pytest -x",
            "CONTRIBUTING.md",
        ),
    ],
)  # fmt: skip
def test_how_tests_are_run_is_told_by_guides_recipes_and_what_runs_them(ask, files, command, path):
    said = ask("How are the tests run?", files)

    assert said.text.startswith(f"With `{command}`, as `{path}` says. [1]")
    assert {each.path for each in said.citations} == set(files)


def test_what_changed_recently_are_the_newest_commits(ask):
    said = ask("What changed recently?", {})

    assert said.text.startswith("1 commit: [1]")
    assert said.citations[0].quote == "Sail"
