"""Commits that changed only how a text stands, told from those that changed what it says."""

import pytest

from whence_indexer.history import read_commit
from whence_indexer.mechanical import mechanical_kind

CODE = "".join(f"def step_{number}(a, b):\n    return call('{number}', a, b)\n\n\n" for number in range(24))
SORTED = "import os\nimport sys\n\nfrom shop.cart import add, drop\n\nprint(add, drop)\n"
UNSORTED = "from shop.cart import drop, add\nimport sys\nimport os\n\nprint(add, drop)\n"
HEADER = "# Copyright {} The Shop\n# Licensed under MIT\n"


@pytest.mark.parametrize(
    ("subject", "before", "after", "kind"),
    [
        ("Indent", {"a.py": CODE}, {"a.py": CODE.replace("    ", "\t")}, "whitespace"),
        ("Wrap", {"a.md": "one two three\nfour\n"}, {"a.md": "one two\nthree four\n"}, "whitespace"),
        ("Tidy", {"a.py": CODE}, {"a.py": CODE.replace("'", '"').replace("a, b)\n\n", "a, b,)\n\n")}, "format"),
        ("Run black", {"a.py": "x = 'a'\n"}, {"a.py": 'x = "a"\n'}, "format"),
        ("Mend the header", {"a.py": "send(0)\n"}, {"a.py": "send('0')\n"}, None),
        ("Format the amount as text for the bank", {"a.py": "send(0)\n"}, {"a.py": "send('0')\n"}, None),
        ("' to \"", {"a.py": "x = 'a'\ny = 'b'\n"}, {"a.py": 'x = "a"\ny = "b"\n'}, "format"),
        ("Quote", {"a.sh": "echo '$x'\n"}, {"a.sh": 'echo "$x"\n'}, None),  # that prints something else
        ("Quote", {"a.py": "x = '\"'\n"}, {"a.py": 'x = "\'"\n'}, None),
        (
            "Adopt black",
            {"a.py": "def a(x='1',  # noqa\n      y='2'):\n" + CODE},
            {"a.py": 'def a(  # noqa\n    x="1", y="2"\n):\n' + CODE.replace("'", '"'), ".flake8": "[flake8]\n"},
            "format",
        ),
        (
            "Adopt black, and count from one",
            {"a.py": CODE + "start = 0\n"},
            {"a.py": CODE.replace("'", '"') + "start = 1\n"},
            "format",
        ),
        ("Sort imports", {"a.py": UNSORTED}, {"a.py": SORTED}, None),  # six lines, and it does not say what with
        ("isort", {"a.py": UNSORTED}, {"a.py": SORTED}, "imports"),
        ("isort", {"a.py": UNSORTED}, {"a.py": SORTED.replace(", drop\n", ", keep\n")}, None),
        (
            "New year, code style",
            {f"{n}.py": HEADER.format(2023) + f"x = {n}\n" for n in range(6)},
            {f"{n}.py": HEADER.format(2024) + f"x = {n}\n" for n in range(6)},
            "header",
        ),
        ("Split", {"a.py": "x = 1\ny = 2\n", "b.py": "b = 1\n"}, {"a.py": "y = 2\n", "b.py": "b = 1\nx = 1\n"}, "move"),
        ("Black", {"a.py": CODE}, {"a.py": CODE.replace("call", "shout"), "pyproject.toml": "[tool.black]\n"}, None),
        ("Change", {"a.py": "x = 1\n"}, {"a.py": "x = 2\n"}, None),
        ("Nothing", {"a.py": "x = 1\n"}, {"a.py": "x = 1\n"}, None),
    ],
)
def test_the_kind_of_a_commit(make_repository, subject, before, after, kind):
    project = make_repository()
    for path, text in before.items():
        project.write(path, text)
    first = project.commit("Before")
    for path, text in after.items():
        project.write(path, text)
    second = project.commit(subject)
    assert mechanical_kind(read_commit(project.open(), second)) == kind
    assert mechanical_kind(read_commit(project.open(), first)) is None
