"""Which paths the user asked to leave out: nested `.ignore` and `.whenceignore`, and `.gitignore` outside git.

Built from the rule files' texts; answers for paths. In a git repository git itself applies `.gitignore`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import PurePosixPath

from pathspec import GitIgnoreSpec

RULE_FILES = (".ignore", ".whenceignore")
# Outside git there is no list of tracked files to keep these out.
_NEVER = GitIgnoreSpec.from_lines(
    [".git/", ".hg/", ".svn/", ".venv/", "venv/", ".tox/", ".nox/", "__pycache__/", "node_modules/", ".mypy_cache/"]
)


class IgnoreRules:
    """Rule files read once per folder. A deeper folder's rules win over those above it, as in git."""

    def __init__(self, read: Callable[[str], str | None], git: bool) -> None:
        """`read` gives the text of a repository-relative path or None; `git` says that git applies `.gitignore`."""
        self._read = read
        self._names = RULE_FILES if git else (".gitignore", *RULE_FILES)
        self._always = None if git else _NEVER
        self._spec = lru_cache(maxsize=None)(self._load)

    def ignored(self, path: str) -> bool:
        """Whether `path` (a folder when it ends with `/`) is left out by a rule of its folder or one above."""
        if self._always is not None and self._always.match_file(path):
            return True
        for folder in _folders(path):
            spec = self._spec(folder)
            if spec is not None:
                verdict = spec.check_file(path[len(folder) :]).include
                if verdict is not None:
                    return verdict
        return False

    def _load(self, folder: str) -> GitIgnoreSpec | None:
        lines = _lines(self._read(folder + name) for name in self._names)
        return GitIgnoreSpec.from_lines(lines) if lines else None


def _folders(path: str) -> list[str]:
    """The folders above `path`, deepest first, each ending with `/`; the root is the empty string."""
    parents = [str(parent) for parent in PurePosixPath(path).parents]
    return ["" if parent == "." else parent + "/" for parent in parents]


def _lines(texts: Iterable[str | None]) -> list[str]:
    return [line for text in texts if text for line in text.splitlines()]
