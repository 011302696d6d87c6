"""What lasts as long as the editor is open: its folders, settings, documents and threads.

Turns URIs and positions into paths and lines; decides when an index is brought up to date. Answers nothing itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types as lsp

from whence_indexer.errors import RepositoryError, WhenceError
from whence_indexer.types import Span
from whence_server.conversations import Memory
from whence_server.lsp import failures
from whence_server.lsp.background import Background
from whence_server.lsp.configuration import Configuration
from whence_server.lsp.documents import Place
from whence_server.lsp.failures import WireError, invalid_params
from whence_server.lsp.folders import Folder, Folders
from whence_server.lsp.guard import Guard
from whence_server.lsp.heads import Head
from whence_server.lsp.jobs import Jobs, Stop
from whence_server.lsp.leftovers import give_back
from whence_server.lsp.locations import to_path
from whence_server.lsp.roots import Root
from whence_server.lsp.screen import Screen
from whence_server.lsp.settings import Settings, read_settings
from whence_server.lsp.writers import Writers
from whence_server.notices import Notice, notices_from

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

T = TypeVar("T")

_ASKING, _WORKING, _GLANCING = 8, 4, 2  # threads for questions, for other requests, for what must not wait behind them
_STORED_WITHIN = 20.0  # seconds from a save to its place in the index; it is searched from memory until then
_LOOKED_AFTER = 1.0  # seconds between two looks at HEAD
_ASKING_STILL = 120.0  # seconds after a question in which the next one is expected
_IDLE_AFTER = 3.0  # seconds without work
_ANSWERED_WITHIN = 5.0  # seconds that the client is waited for, and that requests wait for folders to be opened
_SETTINGS = ("whence.toml", "pyproject.toml")
_RULES = (".gitignore", ".whenceallow", *_SETTINGS)
_HEARD = {  # how loud a notice of learning is
    "started": lsp.MessageType.Log,
    "blocked": lsp.MessageType.Warning,
    "failed": lsp.MessageType.Warning,
}


class Session:
    """One editor."""

    def __init__(self, server: LanguageServer, guard: Guard) -> None:
        self.guard, self._server = guard, server
        self.asks, self.jobs, self.glances = Jobs(_ASKING, "ask"), Jobs(_WORKING, "work"), Jobs(_GLANCING, "glance")
        self._preparing, self.transfers = Jobs(1, "prepare"), Jobs(1, "transfer")
        self.pulls: dict[str, asyncio.Future[Any]] = {}  # by the token of their progress
        self.trainings: dict[Path, asyncio.Task[Any]] = {}  # those whose progress is shown, by repository
        self.drawing = Jobs(2, "draw")  # lenses and links
        self._loop = asyncio.get_running_loop()
        self.memory = Memory()
        self.folders = Folders()
        self.screen = Screen(guard.documents, self.folders, self._load, self._stored)
        self.writers = Writers(self._warn)
        self.configuration = Configuration(lambda problem: self.say(problem, lsp.MessageType.Warning))
        self._turn, self._opening = asyncio.Lock(), asyncio.Lock()
        self._configured = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._opens: set[asyncio.Task[Any]] = set()  # folders that are being opened
        self._watching = False  # whether the client tells of files that others change
        self._worked: float | None = None  # when the last work ended, until its memory was given back
        self._asked: float | None = None  # when something was asked last

    # From beginning to end

    def begin(self, params: lsp.InitializeParams) -> None:
        """Take over the settings that the editor gives."""
        self.configuration.begin(params.initialization_options)
        self.guard.stopped = self._stop

    def start(self) -> None:
        """Open the folders of the editor, in the background, and look after them."""
        self.spawn(self.asks.run(_import))
        self.open(*self._folder_uris())
        self.spawn(self._configure())
        self.spawn(self._watch_files())
        self.spawn(self._look_after())

    def close(self) -> None:
        """End all that is under way."""
        self._stop()
        for jobs in (self.asks, self.jobs, self.glances, self.drawing, self._preparing, self.transfers):
            jobs.close()
        self.screen.close()
        self.writers.close()

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for folder in self.folders:
            folder.background.stop()

    async def _configure(self) -> None:
        with suppress(WireError, TimeoutError):
            await self._read_configuration()
        for folder in self.folders:
            self._apply(folder)
        self._configured.set()

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(_LOOKED_AFTER)
            if self._worked is not None and self._loop.time() - self._worked > _IDLE_AFTER:
                self._worked = None
                self.spawn(self._preparing.run(lambda _: give_back()))
            for folder in self.folders:
                try:
                    await self._look_for_files(folder)
                    for notice in await self.glances.run(lambda _, folder=folder: _noticed(folder)):  # type: ignore[misc]
                        told = f"training on {folder.path.name}: {failures.public(notice.text)}"
                        self.say(told, _HEARD.get(notice.event, lsp.MessageType.Info))
                    if await self.glances.run(lambda _, folder=folder: _moved(folder)):  # type: ignore[misc]
                        self.screen.show_all(folder)
                        self._lenses_changed()
                        self.refresh(folder, 0.0)
                except Exception as problem:  # of one folder: the others are looked after all the same
                    failures.report(problem)

    async def _look_for_files(self, folder: Folder) -> None:
        """Where the client does not tell of files that others change, and somebody asks, they are looked for."""
        now = self._loop.time()
        if self._watching or folder.background.running or now < folder.looked + _STORED_WITHIN:
            return
        if self._asked is not None and now - self._asked < _ASKING_STILL and self.settings(folder).index:
            folder.looked = now
            if not await self._preparing.run(lambda _: folder.root.fresh()):
                self.refresh(folder, 0.0)

    def _folder_uris(self) -> list[str]:
        workspace = self._server.workspace
        uris = list(workspace.folders)
        return uris or ([workspace.root_uri] if workspace.root_uri else [])

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Do it beside everything else; what goes wrong is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_report_failure)
        return task

    # Folders

    def open(self, *uris: str, only_git: bool = False) -> None:
        """Open the repositories at these URIs, those that are not open, and index them where the settings say so."""
        task = self.spawn(self._open(uris, only_git))
        self._opens.add(task)
        task.add_done_callback(self._opens.discard)

    async def ready(self) -> None:
        """Wait until the folders that are being opened are open, but not for ever."""
        if self._opens:
            await asyncio.wait(tuple(self._opens), timeout=_ANSWERED_WITHIN)

    async def _open(self, uris: Iterable[str], only_git: bool) -> None:
        async with self._opening:
            for uri in uris:
                if path := to_path(uri):
                    await self._open_path(Path(path), only_git)

    async def _open_path(self, path: Path, only_git: bool) -> None:
        try:
            root = await self.glances.run(lambda _: Root(path))
        except RepositoryError as error:
            self.say(f"{path.name}: {failures.public(str(error))}", lsp.MessageType.Warning)
            return
        if only_git and root.repository.common_dir is None:
            return
        if Path.home().is_relative_to(root.repository.root):
            self.say("a home folder is not indexed; open a project in it", lsp.MessageType.Warning)
            return
        known = self.folders.at(root.repository.root)
        folder = known or self._made(root)
        self.folders.add(path, folder)
        if known is None:
            self._apply(folder)
            self.spawn(self._begin_folder(folder))
            self.screen.show_all(folder)

    def close_folder(self, uri: str) -> None:
        """The editor does not show this folder any more."""
        if folder := self.folders.remove(uri):
            folder.background.stop()

    def _made(self, root: Root) -> Folder:
        top = root.repository.root
        background = Background(self.guard, top, top.name, self._turn, lambda: self._indexed(folder))
        background.can_show_progress = self.can_show_progress
        _, noticed = notices_from(root.repository.index_dir, None)
        folder = Folder(root, background, Head(root.repository), self._file_settings(top), noticed=noticed)
        return folder

    async def _begin_folder(self, folder: Folder) -> None:
        """First what the first answer needs, then the index: the one must not wait for the other."""
        try:
            await self.asks.run(lambda _: folder.root.load())
        finally:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._configured.wait(), _ANSWERED_WITHIN)
            self.refresh(folder, 0.0, loud=not folder.root.has_index)
        await self._preparing.run(lambda _: self._load_model(folder))

    def refresh(self, folder: Folder, delay: float, *, loud: bool = False) -> None:
        """Bring its index up to date within `delay` seconds, where the settings want that."""
        if self.settings(folder).index:
            folder.background.request(delay, loud=loud)

    @property
    def can_show_progress(self) -> bool:
        """Whether the client shows what the server does on its own account."""
        window = self.guard.client_capabilities.window
        return bool(window and window.work_done_progress)

    def cancel(self, token: object) -> None:
        """The user stops the work whose progress has this token."""
        for folder in self.folders:
            folder.background.cancel(token)
        if isinstance(token, str) and (pull := self.pulls.get(token)):
            pull.cancel()

    async def _indexed(self, folder: Folder) -> None:
        """A run has ended: what it made is opened now, before somebody asks."""
        problem, warned = folder.background.problem, folder.warned
        folder.warned = problem
        if problem and problem != warned:
            self.say(f"{folder.path.name}: {problem}", lsp.MessageType.Warning)
        await self._preparing.run(lambda _: folder.root.load())
        self._worked = self._loop.time()

    # Models

    def prepare_model(self) -> None:
        """Begin to load who is going to write, in the background."""
        for folder in self.folders:
            self.spawn(self._preparing.run(lambda _, folder=folder: self._load_model(folder)))  # type: ignore[misc]

    def _load_model(self, folder: Folder) -> None:
        self.writers.prepare(self.settings(folder).model, folder.root.repository)

    def _warn(self, message: str) -> None:
        """Tell the user something, from any thread."""
        self._loop.call_soon_threadsafe(self.say, failures.public(message), lsp.MessageType.Warning)

    # Settings

    def settings(self, folder: Folder | None = None) -> Settings:
        """The settings of a folder, or of the editor."""
        return self.configuration.settings(folder.given if folder else {})

    async def configuration_changed(self, given: Any) -> None:
        """Take over settings as they are now."""
        if isinstance(given, dict) and isinstance(given.get("whence"), dict):
            self.configuration.tell(given["whence"])
        elif not await self._read_configuration() and isinstance(given, dict) and "whence" not in given:
            self.configuration.tell(given)
        for folder in self.folders:
            self._apply(folder)
        self.prepare_model()
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
            told = await asyncio.wait_for(self.guard.ask(lsp.WORKSPACE_CONFIGURATION, asked), _ANSWERED_WITHIN)
            if isinstance(told, list) and told and isinstance(told[0], dict):
                self.configuration.tell(told[0])
                return True
        return False

    def _file_settings(self, top: Path) -> dict[str, Any]:
        given, problems = read_settings(top)
        for problem in problems:
            self.say(problem, lsp.MessageType.Warning)
        return given

    def _apply(self, folder: Folder) -> None:
        """Let a folder follow its settings, also where they have changed."""
        settings, background = self.settings(folder), folder.background
        longer = settings.history and not folder.root.history
        folder.root.history = background.history = settings.history
        if not settings.index:
            background.stop()
        elif self._configured.is_set() and (longer or (background.paused and folder.stopped)):
            background.request(resume=True)
        folder.stopped = not settings.index

    # Documents and files

    def _load(self, folder: Folder) -> None:
        """Open what is searched of it, before somebody asks."""
        self.spawn(self._preparing.run(lambda _: folder.root.load()))

    def _stored(self, folder: Folder, paths: list[str]) -> None:
        """Files on disk are others than the index has: it is brought up to date, unless they are none of its."""
        names = {path.rpartition("/")[2] for path in paths}
        if not names.isdisjoint(_SETTINGS):
            folder.given = self._file_settings(folder.path)
            self._apply(folder)
        if not names.isdisjoint(_RULES):
            self.refresh(folder, 1.0)
        else:
            self.spawn(self._refresh_for(folder, paths))

    async def _refresh_for(self, folder: Folder, paths: list[str]) -> None:
        if await self._preparing.run(lambda _: folder.root.holds(paths)):
            self.refresh(folder, _STORED_WITHIN)

    # What requests need

    def folder(self, uri: str | None = None, root: str | None = None) -> Folder:
        """The folder a request is about: that of the document, the one named, else the first. Raises `WireError`."""
        if uri is not None and (place := self.folders.find(uri)):
            return place[0]
        if root is not None:
            if (named := self.folders.named(root)) is None:
                raise invalid_params("root is not the URI of an open repository")
            return named
        if not self.folders:
            raise WireError(failures.REQUEST_FAILED, "no repository is open, or not yet")
        return next(iter(self.folders))

    def lines(self, uri: str, where: lsp.Range) -> tuple[Folder, Span]:
        """The lines that a range is of, as git counts them. Raises `WireError` for a file in no open repository."""
        if (place := self.folders.find(uri)) is None:
            raise WireError(failures.REQUEST_FAILED, "the file is in no open repository")
        start, end = self.place(uri, where.start), self.place(uri, where.end)
        last = end.line - 1 if end.column == 0 and end.line > start.line else end.line
        first = start.line
        if document := self.guard.documents.get(uri):  # the empty line after the last one is none to git
            bottom = max(1, document.count)
            first, last = min(first, bottom), min(last, bottom)
        return place[0], Span(place[1], first, max(first, last))

    def place(self, uri: str, position: lsp.Position) -> Place:
        """What a position means: by the text on screen where it is open, else by its line."""
        if document := self.guard.documents.get(uri):
            return document.place(position, self.guard.encoding)
        return Place(position.line + 1, position.character)

    async def work(self, folder: Folder, work: Callable[[Stop], T], jobs: Jobs | None = None) -> T:
        """Do `work` in a thread, by the documents as they are now; mend a damaged index afterwards."""
        self.screen.sync()
        self._asked = self._loop.time()
        try:
            return await (jobs or self.jobs).run(work)
        finally:
            self._worked = self._loop.time()
            if folder.root.damaged and self.settings(folder).index:
                folder.root.damaged = False
                folder.background.request(rebuild=True, loud=True)

    def say(self, message: str, kind: lsp.MessageType = lsp.MessageType.Info) -> None:
        """Tell the user something. Text of a repository in it makes no links, as some editors read them in messages."""
        harmless = message.replace("](", "]\u200b(")
        self.guard.notify(lsp.WINDOW_SHOW_MESSAGE, lsp.ShowMessageParams(kind, f"Whence: {harmless}"))

    async def _watch_files(self) -> None:
        workspace = self.guard.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace else None
        if not (watching and watching.dynamic_registration):
            return
        options = lsp.DidChangeWatchedFilesRegistrationOptions([lsp.FileSystemWatcher("**/*")])
        registration = lsp.Registration("whence-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        with suppress(WireError, TimeoutError):
            params = lsp.RegistrationParams([registration])
            await asyncio.wait_for(self.guard.ask(lsp.CLIENT_REGISTER_CAPABILITY, params), _ANSWERED_WITHIN)
            self._watching = True


def _noticed(folder: Folder) -> list[Notice]:
    found, folder.noticed = notices_from(folder.root.repository.index_dir, folder.noticed)
    return found


def _moved(folder: Folder) -> bool:
    moved = folder.head.moved()
    if moved:
        folder.root.moved()
    return moved


def _report_failure(done: asyncio.Task[Any]) -> None:
    problem = None if done.cancelled() else done.exception()
    if problem and not isinstance(problem, WhenceError):
        failures.report(problem)


def _import(stop: Stop) -> None:
    """What every answer needs, before the first one is asked for."""
    from whence_indexer import scan  # noqa: F401
    from whence_indexer.query import parse_query
    from whence_server import answering  # noqa: F401

    parse_query("what was changed since 1.0?")  # which compiles what it looks for
