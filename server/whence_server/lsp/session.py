"""What lasts as long as the editor is open: its folders, settings, documents and threads.

Turns URIs and positions into paths and lines; decides when an index is brought up to date. Answers nothing itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types as lsp

from whence_indexer.errors import RepositoryError
from whence_indexer.types import Span
from whence_server.conversations import Memory
from whence_server.lsp import failures
from whence_server.lsp.background import Background
from whence_server.lsp.documents import Place
from whence_server.lsp.failures import WireError, invalid_params
from whence_server.lsp.guard import Guard
from whence_server.lsp.heads import Head
from whence_server.lsp.jobs import Jobs, Stop
from whence_server.lsp.leftovers import give_back
from whence_server.lsp.locations import inside, to_path
from whence_server.lsp.roots import Root
from whence_server.lsp.settings import Settings, combine, parse_settings, read_settings

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

T = TypeVar("T")

_ASKING, _GLANCING = 4, 2  # threads for questions, and for what must not wait behind them
_STORED_WITHIN = 20.0  # seconds from a save to its place in the index; it is searched from memory until then
_TYPING_PAUSE = 0.4  # seconds without a change before a document is made ready to be searched
_LOOKED_AFTER = 1.0  # seconds between two looks at HEAD
_IDLE_AFTER = 3.0  # seconds without work
_OPENED_WITHIN = 15.0  # seconds that a request waits for the folders of the editor
_MANY = 200  # files changed at once are for the background
_RULES = (".gitignore", ".whenceallow", "whence.toml", "pyproject.toml")


@dataclass(slots=True)
class Folder:
    """A root as the session holds it."""

    root: Root
    background: Background
    head: Head
    file_settings: dict[str, Any]


class Session:
    """One editor."""

    def __init__(self, server: LanguageServer, guard: Guard) -> None:
        self.guard, self._server = guard, server
        self.jobs, self.glances = Jobs(_ASKING, "ask"), Jobs(_GLANCING, "glance")
        self._preparing = Jobs(1, "prepare")
        self._prepared: set[tuple[Path, str]] = set()
        self._loop = asyncio.get_running_loop()
        self.memory = Memory()
        self.folders: dict[Path, Folder] = {}
        self._given: dict[str, Any] = {}
        self._changed: set[str] = set()  # URIs of documents whose text the roots have not yet
        self._turn = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._opened = asyncio.Event()  # the folders that the editor began with
        self._tasks: set[asyncio.Task[Any]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._worked: float | None = None  # when the last work ended, until its memory was given back

    # From beginning to end

    def begin(self, params: lsp.InitializeParams) -> None:
        """Take over the settings that the editor gives."""
        self._set(params.initialization_options, "initializationOptions")

    def start(self) -> None:
        """Open the folders of the editor, in the background, and look after them."""
        self._spawn(self._start())

    async def ready(self) -> None:
        """Wait for the folders that the editor began with: a question may come before they are open."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._opened.wait(), _OPENED_WITHIN)

    async def close(self) -> None:
        """End all that is under way."""
        for task in self._tasks:
            task.cancel()
        for folder in self.folders.values():
            await folder.background.close()
        self.jobs.close()
        self.glances.close()
        self._preparing.close()

    async def _start(self) -> None:
        self._spawn(self.jobs.run(_import))
        await self._read_configuration()
        await self._watch_files()
        for uri in self._folder_uris():
            await self.open(uri)
        self._opened.set()
        while True:
            await asyncio.sleep(_LOOKED_AFTER)
            if self._worked is not None and self._loop.time() - self._worked > _IDLE_AFTER:
                self._worked = None
                self._spawn(self._preparing.run(lambda _: give_back()))
            for folder in list(self.folders.values()):
                if await self.glances.run(lambda _, head=folder.head: head.moved()):  # type: ignore[misc]
                    folder.root.moved()
                    self._prepare_open(folder)
                    self._lenses_changed()
                    self.refresh(folder, 0.0)

    def _folder_uris(self) -> list[str]:
        workspace = self._server.workspace
        uris = list(workspace.folders)
        return uris or ([workspace.root_uri] if workspace.root_uri else [])

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_report_failure)

    # Folders

    async def open(self, uri: str, only_git: bool = False) -> None:
        """Open the repository at `uri`, unless it is open, and index it in the background if the settings say so."""
        path = to_path(uri)
        if path is None:
            return
        async with self._opening:
            try:
                root = await self.glances.run(lambda _: Root(Path(path)))
            except RepositoryError as error:
                self.say(f"{Path(path).name}: {failures.public(str(error))}", lsp.MessageType.Warning)
                return
            if root.repository.root in self.folders or (only_git and root.repository.common_dir is None):
                return
            if Path.home().is_relative_to(root.repository.root):
                self.say("a home folder is not indexed; open a project in it", lsp.MessageType.Warning)
                return
            self._add(root)

    def close_folder(self, uri: str) -> None:
        """The editor does not show this folder any more."""
        path = to_path(uri)
        folder = self.folders.pop(Path(path), None) if path else None
        if folder:
            self._spawn(folder.background.close())

    def _add(self, root: Root) -> None:
        given, problems = read_settings(root.repository.root)
        self._report(problems)
        background = Background(
            self.guard, root.repository.root, root.repository.root.name, self._turn, lambda: self._indexed(folder)
        )
        window = self.guard.client_capabilities.window
        background.can_show_progress = bool(window and window.work_done_progress)
        folder = Folder(root, background, Head(root.repository), given)
        self.folders[root.repository.root] = folder
        self._apply(folder)
        self._spawn(self._begin_folder(folder))
        self._changed |= set(self.guard.documents)
        self._prepare_open(folder)

    async def _begin_folder(self, folder: Folder) -> None:
        """First what the first answer needs, then the index: the one must not wait for the other."""
        await self.jobs.run(lambda _: folder.root.load())
        self.refresh(folder, 0.0, loud=not folder.root.has_index)

    def refresh(self, folder: Folder, delay: float, *, loud: bool = False) -> None:
        """Bring its index up to date within `delay` seconds, where the settings want that."""
        if self.settings(folder).index:
            folder.background.request(delay, loud=loud)

    async def _indexed(self, folder: Folder) -> None:
        """A run has ended: what it made is opened now, before somebody asks."""
        if folder.background.problem:
            self.say(f"{folder.root.repository.root.name}: {folder.background.problem}", lsp.MessageType.Warning)
        await self._preparing.run(lambda _: folder.root.load())
        self._worked = self._loop.time()

    # Settings

    def settings(self, folder: Folder | None = None) -> Settings:
        """The settings of a folder, or of the editor."""
        return combine(folder.file_settings if folder else {}, self._given)

    async def configuration_changed(self, given: Any) -> None:
        """Take over settings as they are now."""
        if isinstance(given, dict) and isinstance(given.get("whence"), dict):
            self._set(given["whence"], "settings")
        elif not await self._read_configuration() and isinstance(given, dict) and "whence" not in given:
            self._set(given, "settings")
        for folder in self.folders.values():
            self._apply(folder)
        self._lenses_changed()

    def _lenses_changed(self) -> None:
        """Let the editor ask for lenses anew, where it can be told to: of itself it asks when a text changes."""
        workspace = self.guard.client_capabilities.workspace
        if workspace and workspace.code_lens and workspace.code_lens.refresh_support:
            self.guard.ask(lsp.WORKSPACE_CODE_LENS_REFRESH, None)

    async def _read_configuration(self) -> bool:
        """Ask the editor for its settings, where it can be asked; whether it told some."""
        workspace = self.guard.client_capabilities.workspace
        if not (workspace and workspace.configuration):
            return False
        asked = lsp.ConfigurationParams([lsp.ConfigurationItem(section="whence")])
        with suppress(WireError, TimeoutError):
            told = await asyncio.wait_for(self.guard.ask(lsp.WORKSPACE_CONFIGURATION, asked), 5)
            if isinstance(told, list) and told and isinstance(told[0], dict):
                self._set(self._given | told[0], "settings")
                return True
        return False

    def _set(self, given: Any, where: str) -> None:
        self._given, problems = parse_settings(given, where)
        self._report(problems)

    def _apply(self, folder: Folder) -> None:
        folder.root.history = folder.background.history = self.settings(folder).history

    def _report(self, problems: Iterable[str]) -> None:
        for problem in problems:
            self.say(problem, lsp.MessageType.Warning)

    # Documents and files

    def changed(self, uri: str, *, saved: bool = False) -> None:
        """A document is another than it was, on screen or, `saved`, on disk too."""
        self._changed.add(uri)
        if saved and (place := self.find(uri)):
            self.refresh(place[0], 1.0 if place[1].rpartition("/")[2] in _RULES else _STORED_WITHIN)
        if self._pause:
            self._pause.cancel()
        self._pause = asyncio.get_running_loop().call_later(_TYPING_PAUSE, self._paused)

    def files_changed(self, uris: list[str]) -> None:
        """Files were changed on disk, by whomever."""
        for uri in uris[:_MANY]:
            place = self.find(uri)
            if place and not f"/{place[1]}/".startswith("/.git/"):
                folder, path = place
                if uri not in self.guard.documents:
                    folder.root.show(path, None)
                at_once = len(uris) > _MANY or path.rpartition("/")[2] in _RULES
                self.refresh(folder, 1.0 if at_once else _STORED_WITHIN)

    def sync(self) -> None:
        """Let the roots see the documents as they are on screen. Cheap: what it means is worked out by who asks."""
        changed, self._changed = self._changed, set()
        for uri in changed:
            if place := self.find(uri):
                document = self.guard.documents.get(uri)
                place[0].root.show(place[1], document.text if document else None)

    def _paused(self) -> None:
        folders = {id(place[0]): place[0] for place in map(self.find, self._changed) if place}
        self.sync()
        for folder in folders.values():
            self._spawn(self._preparing.run(lambda _, root=folder.root: root.load()))  # type: ignore[misc]

    def opened(self, uri: str) -> None:
        """A document was opened: what a hover wants to know of its file is read in the background."""
        if (place := self.find(uri)) and (document := self.guard.documents.get(uri)):
            self.prepare(place[0], place[1], document.text)

    def wants(self, folder: Folder) -> Callable[[str], None]:
        """What a hover calls, in its thread, for a file that was not made ready; each file is once."""

        def want(path: str) -> None:
            self._loop.call_soon_threadsafe(self._once, folder, path)

        return want

    def prepare(self, folder: Folder, path: str, text: str | None) -> None:
        """Make a file ready for hovers."""

        def work(stop: Stop) -> None:
            from whence_server.opened import open_file

            open_file(folder.root.repository, path, text)

        self._prepared.add((folder.root.repository.root, path))
        self._spawn(self._preparing.run(work))

    def _once(self, folder: Folder, path: str) -> None:
        if (folder.root.repository.root, path) not in self._prepared:
            self.prepare(folder, path, None)

    def _prepare_open(self, folder: Folder) -> None:
        self._prepared = {each for each in self._prepared if each[0] != folder.root.repository.root}
        for uri in self.guard.documents:
            if (place := self.find(uri)) and place[0] is folder:
                self.opened(uri)

    def find(self, uri: str) -> tuple[Folder, str] | None:
        """The folder that a file is in, the innermost one, and its path there; None for one in no folder."""
        path = to_path(uri)
        found = [(folder, relative) for root, folder in self.folders.items()
                 if path is not None and (relative := inside(root, path))]  # fmt: skip
        return min(found, key=lambda each: len(each[1]), default=None)

    # What requests need

    def folder(self, uri: str | None = None, root: str | None = None) -> Folder:
        """The folder a request is about: that of the document, the one named, else the first. Raises `WireError`."""
        if uri is not None and (place := self.find(uri)):
            return place[0]
        if root is not None:
            path = to_path(root)
            if path is None or Path(path) not in self.folders:
                raise invalid_params("root is not the URI of an open repository")
            return self.folders[Path(path)]
        if not self.folders:
            raise WireError(failures.REQUEST_FAILED, "no repository is open, or not yet")
        return next(iter(self.folders.values()))

    def lines(self, uri: str, where: lsp.Range) -> tuple[Folder, Span]:
        """The lines that a range is of, as git counts them. Raises `WireError` for a file in no open repository."""
        if (place := self.find(uri)) is None:
            raise WireError(failures.REQUEST_FAILED, "the file is in no open repository")
        start, end = self.place(uri, where.start), self.place(uri, where.end)
        last = end.line - 1 if end.column == 0 and end.line > start.line else end.line
        return place[0], Span(place[1], start.line, max(start.line, last))

    def place(self, uri: str, position: lsp.Position) -> Place:
        """What a position means: by the text on screen where it is open, else by its line."""
        if document := self.guard.documents.get(uri):
            return document.place(position, self.guard.encoding)
        return Place(position.line + 1, position.character)

    async def work(self, folder: Folder, work: Callable[[Stop], T]) -> T:
        """Do `work` in a thread, by the documents as they are now; mend a damaged index afterwards."""
        self.sync()
        try:
            return await self.jobs.run(work)
        finally:
            self._worked = self._loop.time()
            if folder.root.damaged and self.settings(folder).index:
                folder.root.damaged = False
                folder.background.request(rebuild=True, loud=True)

    def say(self, message: str, kind: lsp.MessageType = lsp.MessageType.Info) -> None:
        """Tell the user something."""
        self.guard.notify(lsp.WINDOW_SHOW_MESSAGE, lsp.ShowMessageParams(kind, f"Whence: {message}"))

    async def _watch_files(self) -> None:
        workspace = self.guard.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if not (watching and watching.dynamic_registration):
            return
        options = lsp.DidChangeWatchedFilesRegistrationOptions([lsp.FileSystemWatcher("**/*")])
        registration = lsp.Registration("whence-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        with suppress(WireError, TimeoutError):
            params = lsp.RegistrationParams([registration])
            await asyncio.wait_for(self.guard.ask(lsp.CLIENT_REGISTER_CAPABILITY, params), 5)


def _report_failure(done: asyncio.Task[Any]) -> None:
    if not done.cancelled() and (problem := done.exception()):
        failures.report(problem)


def _import(stop: Stop) -> None:
    """What every answer needs, before the first one is asked for."""
    from whence_indexer import scan  # noqa: F401
    from whence_server import answering  # noqa: F401
