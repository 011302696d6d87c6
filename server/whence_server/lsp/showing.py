"""Commands that a bare client can run: the answer as a Markdown document in the editor, else as a message.

The documents lie beside the index, never in the work tree; the latest few are kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any
from uuid import uuid4

from lsprotocol import types as lsp

from whence_server.lsp import answers
from whence_server.lsp.failures import WireError
from whence_server.lsp.folders import Folder
from whence_server.lsp.locations import to_path, to_uri
from whence_server.lsp.requests import AskParams, StatusParams, WhyParams
from whence_server.lsp.session import Session
from whence_server.markup import as_message, lines_of

Asked = Callable[[Session, WhyParams], Awaitable[dict[str, Any]]]

_KEPT = 20
_MESSAGE = 1000  # characters


async def ask(session: Session, params: AskParams) -> dict[str, Any]:
    """`whence.ask`."""
    told = await answers.ask(session, params)
    await show(session, session.folder(params.uri, params.root), params.question, told["answer"])
    return told


async def why(session: Session, params: WhyParams) -> dict[str, Any]:
    """`whence.why`."""
    return await _of_lines(session, params, "Why is {} as it is?", answers.why)


async def explain(session: Session, params: WhyParams) -> dict[str, Any]:
    """`whence.explain`."""
    return await _of_lines(session, params, "What is {}?", answers.explain)


async def who(session: Session, params: WhyParams) -> dict[str, Any]:
    """`whence.who`."""
    return await _of_lines(session, params, "Who knows {}?", answers.who)


async def similar(session: Session, params: WhyParams) -> dict[str, Any]:
    """`whence.similar`."""
    return await _of_lines(session, params, "What is like {}?", answers.similar)


async def status(session: Session, params: StatusParams) -> dict[str, Any]:
    """`whence.status`."""
    told = await answers.status(session, params)
    for root in told["roots"]:
        index = root["index"]
        held = f"{index['files']:,} files, {index['commits']:,} commits" if index else "no index yet"
        state = "indexing" if root["indexing"] else "paused" if root["paused"] else root["problem"] or "ready"
        name = PurePath(to_path(root["root"]) or "").name
        session.say(f"{name}: {held}; {state}")
    return told


async def _of_lines(session: Session, params: WhyParams, title: str, asked: Asked) -> dict[str, Any]:
    folder, lines = session.lines(params.uri, params.range)
    told = await asked(session, params)
    await show(
        session, folder, title.format(f"{lines.path}:{lines_of(lines.start_line, lines.end_line)}"), told["answer"]
    )
    return told


async def show(session: Session, folder: Folder, title: str, markdown: str) -> None:
    """Show `markdown` under its title, in whatever way the client can, unless it shows results itself."""
    if _shows_answers(session):
        return
    window = session.guard.client_capabilities.window
    if window and window.show_document and window.show_document.support:
        with suppress(OSError, WireError, TimeoutError):
            text = f"# {_one_line(title)}\n\n{markdown}\n"
            file = await session.glances.run(lambda _: _write(folder.root.repository.index_dir / "answers", text))
            shown = await asyncio.wait_for(
                session.guard.ask(lsp.WINDOW_SHOW_DOCUMENT, lsp.ShowDocumentParams(to_uri(file), take_focus=True)), 10
            )
            if isinstance(shown, dict) and shown.get("success"):
                return
    text = as_message(markdown)
    session.say(text if len(text) <= _MESSAGE else f"{text[:_MESSAGE]}…")


def _shows_answers(session: Session) -> bool:
    """Whether the client says, by `experimental.answers`, that it shows what commands give back."""
    experimental = session.guard.client_capabilities.experimental
    return isinstance(experimental, dict) and experimental.get("answers") is True


def _write(folder: Path, text: str) -> Path:
    """A new file there, and the oldest ones deleted: several windows write beside each other."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("answer-*.md"), key=_age)[: -(_KEPT - 1)]:
        old.unlink(missing_ok=True)
    file = folder / f"answer-{uuid4().hex[:8]}.md"
    file.write_text(text, "utf-8")
    return file


def _age(file: Path) -> float:
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0


def _one_line(title: str) -> str:
    return " ".join(title.split())[:200]
