"""The folders that the editor shows, and the repositories they are in: several may be in one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from whence_server.lsp.background import Background
from whence_server.lsp.heads import Head
from whence_server.lsp.locations import inside, to_path
from whence_server.lsp.roots import Root


@dataclass(slots=True)
class Folder:
    """A repository as the session holds it, with the settings of its own file."""

    root: Root
    background: Background
    head: Head
    given: dict[str, Any]
    warned: str | None = None  # what the user was told of its last run
    looked: float = 0.0  # when files were looked for last, by the loop's clock
    stopped: bool = False  # by the setting `index`
    noticed: int = 0  # the byte up to which the notices of learning were shown

    @property
    def path(self) -> Path:
        """The top of the repository."""
        return self.root.repository.root

    @property
    def paused(self) -> bool:
        """Whether the user stopped a run."""
        return self.background.paused and not self.stopped

    @property
    def stale(self) -> bool:
        """Whether its index may be behind what is there."""
        background = self.background
        return background.running or self.paused or background.due or bool(background.problem) or self.root.behind


class Folders:
    """Repositories by their top, each with the folders of the editor that are in it. On the event loop alone."""

    def __init__(self) -> None:
        self._by_top: dict[Path, Folder] = {}
        self._tops: dict[PurePath, Path] = {}  # of each folder that the editor shows

    def __iter__(self) -> Iterator[Folder]:
        return iter(tuple(self._by_top.values()))

    def __bool__(self) -> bool:
        return bool(self._by_top)

    def at(self, top: Path) -> Folder | None:
        """The repository with this top."""
        return self._by_top.get(top)

    def add(self, shown: PurePath, folder: Folder) -> None:
        """The editor shows `shown`, which is in `folder`."""
        self._by_top.setdefault(folder.path, folder)
        self._tops[shown] = folder.path

    def remove(self, uri: str) -> Folder | None:
        """The editor does not show this folder any more; the repository, where it was the last one in it."""
        top = self._tops.pop(path, None) if (path := to_path(uri)) else None
        return None if top is None or top in self._tops.values() else self._by_top.pop(top, None)

    def named(self, uri: str) -> Folder | None:
        """The repository that a URI names: that of a folder that the editor shows, or its own top."""
        path = to_path(uri)
        if path is None:
            return None
        return self._by_top.get(self._tops.get(path, Path(path)))

    def find(self, uri: str) -> tuple[Folder, str] | None:
        """The repository that a file is in, the innermost one, and its path there; None for one in none."""
        path = to_path(uri)
        found = [(folder, relative) for top, folder in self._by_top.items()
                 if path is not None and (relative := inside(top, path))]  # fmt: skip
        return min(found, key=lambda each: len(each[1]), default=None)
