"""Rule files: what the user asks to leave out, as git would understand it."""

import pytest

from whence_indexer.ignoring import IgnoreRules


def ignored(path, git=True, **files):
    """Whether `path` is ignored, where `files` are rule files: `root_ignore` for `.ignore` in the root, and so on."""
    names = {name.replace("root_", ".").replace("__", "/"): text for name, text in files.items()}
    return IgnoreRules(names.get, git=git).ignored(path)


RULES = [
    ("*.log", "debug.log", True),
    ("*.log", "deep/er/debug.log", True),
    ("*.log", "debug.py", False),
    ("/only_here.py", "sub/only_here.py", False),
    ("build/", "build/made.py", True),
    ("build/", "sub/build/made.py", True),
    ("docs/*.md", "docs/a.md", True),
    ("docs/*.md", "docs/deep/a.md", False),
    ("docs/**/a.md", "docs/deep/er/a.md", True),
    ("# a.py", "a.py", False),
    ("\\#a.py", "#a.py", True),
    ("\n\n  \n", "a.py", False),
    ("*.py\n!keep.py", "keep.py", False),
    ("*.py\n!keep.py", "other.py", True),
    ("a.py\r\nb.py\r\n", "a.py", True),
    ("grüße.py", "grüße.py", True),
    ("with space.py", "with space.py", True),
    ("[", "a.py", False),
]


@pytest.mark.parametrize(("rules", "path", "expected"), RULES)
def test_a_rule_means_what_it_means_to_git(rules, path, expected):
    assert ignored(path, root_whenceignore=rules) is expected
    assert ignored(path, root_ignore=rules) is expected


def test_a_deeper_folder_has_the_last_word():
    files = {".ignore": "*.txt", "notes/.whenceignore": "!*.txt", "notes/old/.ignore": "*.txt"}
    rules = IgnoreRules(files.get, git=True)
    paths = ["a.txt", "notes/a.txt", "notes/new/a.txt", "notes/old/a.txt"]
    assert [rules.ignored(path) for path in paths] == [True, False, False, True]


def test_a_rule_of_a_folder_says_nothing_about_its_neighbours():
    rules = IgnoreRules({"a/.ignore": "/x.py"}.get, git=True)
    assert [rules.ignored(path) for path in ("a/x.py", "a/b/x.py", "b/x.py", "x.py")] == [True, False, False, False]


def test_whenceignore_takes_back_what_ignore_says():
    assert not ignored("keep.py", root_ignore="*.py", root_whenceignore="!keep.py")


def test_gitignore_is_left_to_git_and_read_only_outside_it():
    assert not ignored("a.log", git=True, root_gitignore="*.log")
    assert ignored("a.log", git=False, root_gitignore="*.log")


@pytest.mark.parametrize("folder", [".git/", "node_modules/", ".venv/", "pkg/__pycache__/"])
def test_outside_git_the_folders_that_nobody_writes_by_hand_are_left_out(folder):
    assert ignored(folder, git=False)
    assert ignored(folder + "deep/a.py", git=False)


def test_each_rule_file_is_read_once():
    read = []
    rules = IgnoreRules(lambda path: read.append(path), git=True)
    for number in range(5):
        rules.ignored(f"a/{number}.py")
    assert sorted(read) == [".ignore", ".whenceignore", "a/.ignore", "a/.whenceignore"]
