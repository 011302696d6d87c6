"""The documents as they are on the screen: what is searched of them, and what hovers want to know of their files.

On the event loop alone: notes what has changed; what it means is worked out by who asks, or in the background.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from whence_server.lsp.documents import Documents
from whence_server.lsp.folders import Folder, Folders
from whence_server.lsp.readying import Readying

_TYPING_PAUSE = 0.4  # seconds without a change before a document is made ready to be searched


class Screen:
    """Follows the open documents, and the files that others change."""

    def __init__(
        self,
        documents: Documents,
        folders: Folders,
        paused: Callable[[Folder], None],
        stored: Callable[[Folder, list[str]], None],
    ) -> None:
        """`paused` hears where nobody has typed for a moment, `stored` which files of a folder changed on disk."""
        self._documents, self._folders = documents, folders
        self._on_pause, self._on_store = paused, stored
        self._changed: set[str] = set()  # URIs of documents whose text the roots have not yet
        self._pause: asyncio.TimerHandle | None = None
        self.readying = Readying()

    def changed(self, uri: str, *, saved: bool = False) -> None:
        """A document is another than it was, on screen or, `saved`, on disk too."""
        self._changed.add(uri)
        if saved and (place := self._folders.find(uri)):
            self._on_store(place[0], [place[1]])
        if self._pause:
            self._pause.cancel()
        self._pause = asyncio.get_running_loop().call_later(_TYPING_PAUSE, self._paused)

    def files_changed(self, uris: list[str]) -> None:
        """Files were changed on disk, by whomever."""
        changed: dict[int, tuple[Folder, list[str]]] = {}
        for uri in uris:
            if (place := self._folders.find(uri)) and ".git" not in place[1].split("/"):
                folder, path = place
                changed.setdefault(id(folder), (folder, []))[1].append(path)
                if uri not in self._documents:
                    folder.root.show(path, None)
        for folder, paths in changed.values():
            self._on_store(folder, paths)

    def sync(self) -> None:
        """Let the roots see the documents as they are now."""
        changed, self._changed = self._changed, set()
        for uri in changed:
            if place := self._folders.find(uri):
                document = self._documents.get(uri)
                place[0].root.show(place[1], document.text if document else None)

    def opened(self, uri: str) -> None:
        """A document was opened: what a hover wants to know of its file is read in the background."""
        if (place := self._folders.find(uri)) and (document := self._documents.get(uri)):
            self.readying.open(place[0].root.repository, place[1], document.text)

    def show_all(self, folder: Folder) -> None:
        """A folder is new, or of another commit: its documents are made ready for it."""
        for uri in self._documents:
            if (place := self._folders.find(uri)) and place[0] is folder:
                self._changed.add(uri)
                self.opened(uri)

    def close(self) -> None:
        """Make nothing ready any more."""
        self.readying.close()

    def _paused(self) -> None:
        folders = {id(place[0]): place[0] for place in map(self._folders.find, self._changed) if place}
        for uri in self._changed:
            self.opened(uri)
        self.sync()
        for folder in folders.values():
            self._on_pause(folder)
