"""What an editor asks for of its own accord, while somebody types: hover, lenses, links and actions.

A hover looks at what is in memory alone; what is not is made ready in the background for the next one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from lsprotocol import types as lsp

from whence_indexer.types import Span
from whence_server.lsp.documents import Document, Place
from whence_server.lsp.folders import Folder
from whence_server.lsp.locations import to_uri
from whence_server.lsp.session import Session
from whence_server.markup import as_text

if TYPE_CHECKING:
    from whence_server.hovering import Link

ACTIONS = {
    "whence.explain": "Explain this",
    "whence.why": "Why was this changed?",
    "whence.who": "Who knows this code?",
    "whence.similar": "Find similar code",
}


async def hover(session: Session, params: lsp.HoverParams) -> lsp.Hover | None:
    """`textDocument/hover`."""
    document, place = _open(session, params.text_document.uri)
    if document is None or place is None or not session.settings(place[0]).hover:
        return None
    folder, path = place
    at, text = document.place(params.position, session.guard.encoding), document.text
    link = _link(folder) if _runs_links(session) and not _is_plain(session) else None

    def look(stop: object) -> Any:
        from whence_server.hovering import hover as look_up

        searcher, repository = folder.root.opened, folder.root.repository

        def wait(lines: Span, contents: str | None) -> None:
            session.screen.readying.want(repository, lines, contents)

        return look_up(searcher, repository, path, at.line, at.column, text, link=link, wait=wait)

    found = await session.glances.run(look)
    if found is None:
        return None
    where = lsp.Range(
        document.position(Place(found.line, found.start), session.guard.encoding),
        document.position(Place(found.line, found.end), session.guard.encoding),
    )
    return lsp.Hover(_markup(session, found.markdown), where)


async def actions(session: Session, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """`textDocument/codeAction`: the same four everywhere; what they tell is worked out when one is chosen.

    They are of kinds of their own: some editors list actions of the kind `source` only where these are asked for.
    """
    if not session.folders.find(params.text_document.uri):
        return []
    where = {"uri": params.text_document.uri, "range": session.guard.plain(params.range)}
    return [
        lsp.CodeAction(title, kind=name, command=lsp.Command(title, name, arguments=[where]))
        for name, title in ACTIONS.items()
        if _is_wanted(name, params.context.only)
    ]


def _is_wanted(kind: str, only: Sequence[str] | None) -> bool:
    """Whether a kind is one of those asked for, which mean all that begin with them."""
    return not only or any(not each or f"{kind}.".startswith(f"{each}.") for each in only)


async def lenses(session: Session, params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
    """`textDocument/codeLens`, off unless it is set."""
    uri = params.text_document.uri
    document, place = _open(session, uri)
    if document is None or place is None or not session.settings(place[0]).codeLens:
        return []
    folder, path = place
    text = document.text

    def look(stop: object) -> Any:
        from whence_server.lenses import find_lenses

        return [(lens, lens.title()) for lens in find_lenses(folder.root.repository, path, text)]

    return [
        lsp.CodeLens(
            _row(document, session, lens.line),
            lsp.Command(title, "whence.why", arguments=[_argument(session, uri, document, lens.span)]),
        )
        for lens, title in await session.drawing.run(look)
    ]


async def links(session: Session, params: lsp.DocumentLinkParams) -> list[lsp.DocumentLink]:
    """`textDocument/documentLink`."""
    document, place = _open(session, params.text_document.uri)
    if document is None or place is None or not session.settings(place[0]).links:
        return []
    folder, path = place
    text = document.text

    def look(stop: object) -> Any:
        from whence_server.links import find_links

        return find_links(folder.root.repository, path, text)

    found = []
    for link in await session.drawing.run(look):
        ends = (document.position(Place(link.line, at), session.guard.encoding) for at in (link.start, link.end))
        found.append(lsp.DocumentLink(lsp.Range(*ends), target=link.url))
    return found


def _open(session: Session, uri: str) -> tuple[Document | None, tuple[Folder, str] | None]:
    return session.guard.documents.get(uri), session.folders.find(uri)


def _row(document: Document, session: Session, line: int) -> lsp.Range:
    start = document.position(Place(line, 0), session.guard.encoding)
    return lsp.Range(start, start)


def _argument(session: Session, uri: str, document: Document, span: Span) -> dict[str, Any]:
    start = document.position(Place(span.start_line, 0), session.guard.encoding)
    end = document.position(Place(span.end_line + 1, 0), session.guard.encoding)
    return {"uri": uri, "range": session.guard.plain(lsp.Range(start, end))}


def _link(folder: Folder) -> Link:
    """Links that run a command, as one editor has them: their arguments are JSON in the address."""
    root = folder.root.repository.root

    def lead(command: str, span: Span) -> str:
        ends = {"start": {"line": span.start_line - 1, "character": 0}, "end": {"line": span.end_line, "character": 0}}
        arguments = json.dumps([{"uri": to_uri(root / span.path), "range": ends}])
        return f"command:{command}?{quote(arguments)}"

    return lead


def _runs_links(session: Session) -> bool:
    """Whether the client says, by `experimental.commandLinks`, that it runs commands from Markdown."""
    experimental = session.guard.client_capabilities.experimental
    return isinstance(experimental, dict) and experimental.get("commandLinks") is True


def _markup(session: Session, markdown: str) -> lsp.MarkupContent:
    if _is_plain(session):
        return lsp.MarkupContent(lsp.MarkupKind.PlainText, as_text(markdown))
    return lsp.MarkupContent(lsp.MarkupKind.Markdown, markdown)


def _is_plain(session: Session) -> bool:
    """Whether the client shows hovers as text alone."""
    documents = session.guard.client_capabilities.text_document
    formats = (documents.hover.content_format if documents and documents.hover else None) or []
    return bool(formats) and lsp.MarkupKind.Markdown not in formats
