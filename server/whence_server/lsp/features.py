"""Each method of the protocol that we serve, and what it calls. Thin: convert, call, convert back.

docs/protocol.md lists the methods of our own; a test compares it with `METHODS` and `COMMANDS`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from whence_server.lsp import answers, glances, showing
from whence_server.lsp.requests import (
    AskParams,
    FeedbackParams,
    ModelsParams,
    SearchParams,
    StatusParams,
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
    "whence/models": (ModelsParams, answers.models),
}
COMMANDS: dict[str, tuple[type, Handler]] = {
    "whence.ask": (AskParams, showing.ask),
    "whence.explain": (WhyParams, showing.explain),
    "whence.why": (WhyParams, showing.why),
    "whence.who": (WhyParams, showing.who),
    "whence.similar": (WhyParams, showing.similar),
    "whence.status": (StatusParams, showing.status),
    "whence.reindex": (StatusParams, answers.reindex),
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
        given: Any = parse(kind, params)
        await session.ready()
        return await handler(session, given)

    return answer


def _command(session: Session, kind: type, handler: Handler) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    async def execute(arguments: list[Any]) -> dict[str, Any]:
        given: Any = parse(kind, arguments[0] if arguments else None)
        await session.ready()
        return await handler(session, given)

    return execute


def _register_lifecycle(server: LanguageServer, session: Session) -> None:
    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        session.begin(params)

    @server.feature(lsp.INITIALIZED)
    def initialized(params: lsp.InitializedParams) -> None:
        session.start()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configured(params: lsp.DidChangeConfigurationParams) -> None:
        await session.configuration_changed(params.settings)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders(params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        for folder in params.event.removed:
            session.close_folder(folder.uri)
        for folder in params.event.added:
            await session.open(folder.uri)

    @server.feature(lsp.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def cancel(params: lsp.WorkDoneProgressCancelParams) -> None:
        for folder in session.folders.values():
            folder.background.cancel(params.token)


def _register_documents(server: LanguageServer, session: Session) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        session.changed(params.text_document.uri)
        session.opened(params.text_document.uri)
        if not session.folders and not server.workspace.folders and not server.workspace.root_uri:
            folder = params.text_document.uri.rpartition("/")[0]
            asyncio.get_running_loop().create_task(session.open(folder, only_git=True))

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        session.changed(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        session.changed(params.text_document.uri, saved=True)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        session.changed(params.text_document.uri)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files(params: lsp.DidChangeWatchedFilesParams) -> None:
        session.files_changed([change.uri for change in params.changes])


def _register_glances(server: LanguageServer, session: Session) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    async def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        return await glances.hover(session, params)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_ACTION)
    async def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        return await glances.actions(session, params)

    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS)
    async def lenses(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        return await glances.lenses(session, params)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_LINK)
    async def links(params: lsp.DocumentLinkParams) -> list[lsp.DocumentLink]:
        return await glances.links(session, params)
