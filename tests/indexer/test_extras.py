import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest

from whence_indexer import extras

ROOT = Path(__file__).parents[2]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The program installed as its wheel would be."""
    about = tmp_path / "whence-9.0.dist-info"
    about.mkdir()
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    optional = [
        f"{each}; extra == '{extra}'" for extra, needed in told["optional-dependencies"].items() for each in needed
    ]
    lines = [f"Requires-Dist: {each}" for each in (*told["dependencies"], *optional)]
    (about / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", "Name: whence", "Version: 9.0", *lines, ""]))
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
def test_what_is_missing_is_installed_into_this_python_and_never_by_our_own_name():
    program, *words = shlex.split(extras.command("training", "model"))
    assert [program, *words[:3]] == [sys.executable, "-m", "pip", "install"]
    names = {re.split("[<>=]", word)[0] for word in words[3:]}
    assert {"datasketch", "peft", "llama-cpp-python"} <= names
    assert not {"whence", "numpy"} & names


def test_of_sources_that_were_never_installed_it_is_their_folder(monkeypatch):
    monkeypatch.setattr(extras, "_requirements", list)
    assert extras.command("model").endswith("-m pip install -e '.[model]'")


def test_nothing_here_tells_to_install_this_program_by_its_name():
    told = [
        str(path.relative_to(ROOT))
        for folder in ("indexer", "server", "training", "docs", "extension/src", "README.md", "extension/README.md")
        for path in (ROOT / folder, *(ROOT / folder).rglob("*"))
        if path.suffix in {".py", ".md", ".ts"}
        and path.is_file()
        and "pip install 'whence" in path.read_text("utf8").replace('"', "'")
    ]
    assert not told
