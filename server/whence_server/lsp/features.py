"""Each method of the protocol that we serve, and what it calls. Thin: convert, call, convert back.

docs/protocol.md lists the methods of our own; a test compares it with `METHODS` and `COMMANDS`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from whence_server.lsp import answers, glances, showing, stock, training
from whence_server.lsp.requests import (
    AskParams,
    ExampleParams,
    ExportParams,
    FeedbackParams,
    FixParams,
    ModelsParams,
    PullParams,
    RollBackParams,
    RunParams,
    SearchParams,
    StartParams,
    StatusParams,
    TrainingParams,
    UseParams,
    WhyParams,
    parse,
)
from whence_server.lsp.session import Session

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

Handler = Callable[[Session, Any], Awaitable[dict[str, Any]]]

METHODS: dict[str, tuple[type, Handler]] = {
    "whence/ask": (AskParams, answers.ask),
    "whence/search": (SearchParams, answers.search),
    "whence/why": (WhyParams, answers.why),
    "whence/status": (StatusParams, answers.status),
    "whence/feedback": (FeedbackParams, answers.feedback),
    "whence/models": (ModelsParams, stock.models),
    "whence/training": (TrainingParams, training.training),
}
COMMANDS: dict[str, tuple[type, Handler]] = {
    "whence.ask": (AskParams, showing.ask),
    "whence.explain": (WhyParams, showing.explain),
    "whence.why": (WhyParams, showing.why),
    "whence.who": (WhyParams, showing.who),
    "whence.similar": (WhyParams, showing.similar),
    "whence.status": (StatusParams, showing.status),
    "whence.reindex": (StatusParams, answers.reindex),
    "whence.pullModel": (PullParams, stock.pull),
    "whence.useModel": (UseParams, stock.use),
    "whence.rollBackModel": (RollBackParams, stock.roll_back),
    "whence.training.deleteExample": (ExampleParams, training.delete_example),
    "whence.training.fixExample": (FixParams, training.fix_example),
    "whence.training.start": (StartParams, training.start),
    "whence.training.stop": (TrainingParams, training.stop),
    "whence.training.deploy": (RunParams, training.deploy),
    "whence.training.rollBack": (TrainingParams, training.roll_back),
    "whence.training.export": (ExportParams, training.export),
}


def register(server: LanguageServer, session: Session) -> None:
    """Let `server` answer by `session`."""
    for method, (kind, handler) in METHODS.items():
        server.feature(method)(_request(session, kind, handler))
    for name, (kind, handler) in COMMANDS.items():
        server.command(name)(_command(session, kind, handler))
    _register_lifecycle(server, session)
    _register_documents(server, session)
    _register_glances(server, session)


def _request(session: Session, kind: type, handler: Handler) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    async def answer(params: Any) -> dict[str, Any]:
        asked: Any = parse(kind, params)
        await session.ready()
        return await handler(session, asked)

    return answer


def _command(session: Session, kind: type, handler: Handler) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    async def execute(arguments: list[Any]) -> dict[str, Any]:
        asked: Any = parse(kind, arguments[0] if arguments else None)
        await session.ready()
        return await handler(session, asked)

    return execute


def _register_lifecycle(server: LanguageServer, session: Session) -> None:
    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        session.begin(params)

    @server.feature(lsp.INITIALIZED)
    def initialized(params: lsp.InitializedParams) -> None:
        session.start()
        session.spawn(training.resume(session))

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: lsp.DidChangeConfigurationParams) -> None:
        session.spawn(session.configuration_changed(params.settings))

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders(params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        for folder in params.event.removed:
            session.close_folder(folder.uri)
        session.open(*(folder.uri for folder in params.event.added))

    @server.feature(lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def cancel(params: lsp.WorkDoneProgressCancelParams) -> None:
        session.cancel(params.token)


def _register_documents(server: LanguageServer, session: Session) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        session.screen.changed(params.text_document.uri)
        session.screen.opened(params.text_document.uri)
        in_none = not server.workspace.folders and not server.workspace.root_uri
        if in_none and session.folders.find(params.text_document.uri) is None:
            session.open(params.text_document.uri.rpartition("/")[0], only_git=True)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        session.screen.changed(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        session.screen.changed(params.text_document.uri, saved=True)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        session.screen.changed(params.text_document.uri)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files(params: lsp.DidChangeWatchedFilesParams) -> None:
        session.screen.files_changed([change.uri for change in params.changes])


def _glance(session: Session, glance: Callable[[Session, Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
    async def look(params: Any) -> Any:
        await session.ready()
        return await glance(session, params)

    return look


def _register_glances(server: LanguageServer, session: Session) -> None:
    for method, glance in _GLANCES.items():
        server.feature(method)(_glance(session, glance))


_GLANCES: dict[str, Callable[[Session, Any], Awaitable[Any]]] = {
    lsp.TEXT_DOCUMENT_HOVER: glances.hover,
    lsp.TEXT_DOCUMENT_CODE_ACTION: glances.actions,
    lsp.TEXT_DOCUMENT_CODE_LENS: glances.lenses,
    lsp.TEXT_DOCUMENT_DOCUMENT_LINK: glances.links,
}
