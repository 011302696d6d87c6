"""What all tests share: real git repositories and a model made on the spot, nothing of the user's configuration."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from whence_indexer.repository import Repository, open_repository

AUTHOR = "Ada Author <ada@example.com>"
DATE = "2024-05-06T07:08:09+02:00"

# A shared machine is slow at times, and examples kept from one run to the next would make runs differ.
settings.register_profile("whence", deadline=None, database=None)
settings.load_profile("whence")


class GitRepository:
    """A real repository to fill, one line a step. Its branch is `main`; commits are by Ada unless said otherwise."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *arguments: str | Path, stdin: str | bytes = b"") -> str:
        """What `git ARGUMENTS` prints, without the last line feed. Raises when git fails, showing what it said."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(["git", *arguments], cwd=self.path, input=data, capture_output=True, check=False)
        assert done.returncode == 0, f"git {' '.join(map(str, arguments))}: {os.fsdecode(done.stderr)}"
        return os.fsdecode(done.stdout).removesuffix("\n")

    def write(self, path: str | bytes, content: str | bytes = "") -> Path:
        """Write a file, its folders too. Text is written as UTF-8, bytes and line ends as they are."""
        target = self.path / os.fsdecode(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def remove(self, path: str | bytes) -> None:
        """Delete a file from the work tree."""
        (self.path / os.fsdecode(path)).unlink()

    def commit(self, message: str | bytes, author: str = AUTHOR, date: str = DATE) -> str:
        """Commit everything there is, the message kept to the byte; returns the commit's full id."""
        self.git("add", "--all")
        about = (f"--author={author}", f"--date={date}")
        flags = "--quiet --allow-empty --allow-empty-message --cleanup=verbatim --file=-".split()
        self.git("commit", *flags, *about, stdin=message)
        return self.git("rev-parse", "HEAD")

    def open(self) -> Repository:
        """The repository as the program under test sees it now."""
        return open_repository(self.path)


@pytest.fixture(autouse=True)
def _at_home_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's configuration or writes to the user's folders, not even when run from a git hook."""
    _leave_home(tmp_path, monkeypatch)


@pytest.fixture(scope="session", autouse=True)
def _never_at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The same for what several tests share."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        _leave_home(tmp_path_factory.mktemp("shared"), monkeypatch)
        yield


def _leave_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_") and name != "GIT_EXEC_PATH"]:
        monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(folder / ".home"))
    # A file that is not there, and no device: `git config --global` puts a file in the place of whatever that names.
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder / ".gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada Author")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.com")
        monkeypatch.setenv(f"GIT_{role}_DATE", DATE)


@pytest.fixture
def make_repository(tmp_path: Path) -> Callable[..., GitRepository]:
    """`make_repository("name", "--bare", ...)` runs `git init` with those options in a new folder of `tmp_path`."""
    return partial(_make, tmp_path)


@pytest.fixture(scope="module")
def make_shared_repository(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., GitRepository]:
    """The same for the tests of a module together."""
    return partial(_make, tmp_path_factory.mktemp("shared"))


def _make(folder: Path, name: str = "project", *options: str) -> GitRepository:
    made = GitRepository(folder / name)
    made.path.mkdir(parents=True)
    made.git("init", "--quiet", "--initial-branch=main", *options)
    return made


@pytest.fixture
def tiny_embedder(tmp_path):
    """The folder of a static model with eight dimensions and a vocabulary of single letters."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokenizer = Tokenizer(models.WordLevel({"?": 0} | {letter: index + 1 for index, letter in enumerate(letters)}, "?"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    folder = tmp_path / "tiny" / "0_StaticEmbedding"
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    module = {"idx": 0, "name": "0", "path": folder.name, "type": "sentence_transformers.models.StaticEmbedding"}
    (folder.parent / "modules.json").write_text(json.dumps([module]))
    weights = np.random.default_rng(0).normal(size=(len(letters) + 1, 8)).astype(np.float16)
    save_file({"embedding.weight": weights}, folder / "model.safetensors")
    return str(folder.parent)
