"""The requests of our own: what is asked of the server beyond what editors know, answered as JSON.

The shapes are those of `whence_server.protocol`, with URIs that an editor can open.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from lsprotocol import types as lsp

from whence_indexer.errors import QueryError
from whence_indexer.finder import Finder
from whence_indexer.query import parse_query
from whence_indexer.repository import Repository
from whence_indexer.types import Span
from whence_server.concealment import public
from whence_server.conversations import Given, follow, question_of
from whence_server.lsp.folders import Folder
from whence_server.lsp.jobs import Stop
from whence_server.lsp.locations import to_uri
from whence_server.lsp.requests import AskParams, FeedbackParams, SearchParams, StatusParams, WhyParams
from whence_server.lsp.roots import Found
from whence_server.lsp.session import Session
from whence_server.markup import lines_of
from whence_server.protocol import answer_json, checks_json, search_json, why_json
from whence_server.questionlog import keep_question
from whence_server.types import Answer

if TYPE_CHECKING:
    from whence_server.doctor import Check

# (what finds evidence, the repository, lines, the text on screen) -> the answer, and as JSON
OfLines = Callable[[Finder, Repository, Span, str | None], tuple[Answer, dict[str, Any]]]

_BLOCK = re.compile(r"\n\n(?=\*\*|I don't know|_\d)")  # before each passage, never inside one


async def ask(session: Session, params: AskParams) -> dict[str, Any]:
    """`whence/ask`: an answer, its text in pieces before that where the client gave a token for them."""
    folder, at = _where(session, params)
    conversation, identifier = params.conversation or uuid4().hex[:12], uuid4().hex[:12]
    root, settings = to_uri(_root(folder)), session.settings(folder)
    before = session.memory.turn(conversation, root)
    asked, stream = question_of(params.question, at, before), _Stream(session, params.partialResultToken)

    def work(stop: Stop) -> Found[Answer]:
        from whence_server.answering import answer
        from whence_server.models.choosing import scope_of

        def told(text: str) -> None:
            stop.check()
            stream.tell(text)

        earlier, repository = before.evidence if before else (), folder.root.repository
        dropped = settings.unsupported == "drop"
        with session.writers.serving.writing(
            params.model or settings.model, scope_of(repository), identifier,
            told=told, unsupported="drop" if dropped else "mark", asker=conversation,
        ) as writing:  # fmt: skip
            found = folder.root.ask(
                lambda finder: answer(asked, finder, repository, earlier, stop.check, writing=writing)
            )
        keep_question(repository.index_dir, params.question, found.value)
        return found

    found = await session.work(folder, work, session.asks)
    answered = found.value
    await stream.end(answered.text)
    turn = follow(params.question, asked.query, answered, before, root)
    session.memory.remember(conversation, turn, identifier, Given(params.question, answered, root))
    told = answer_json(answered, folder.stale) | {"id": identifier, "conversation": conversation}
    return _located(told, "citations", folder, found.partial)


async def search(session: Session, params: SearchParams) -> dict[str, Any]:
    """`whence/search`."""
    folder, started = session.folder(root=params.root), time.monotonic()
    found = await session.work(
        folder,
        lambda stop: folder.root.ask(
            lambda finder: finder.search(params.query, params.limit, params.kinds, params.under)
        ),
    )
    told = search_json(found.value, time.monotonic() - started, folder.stale)
    return _located(told, "hits", folder, found.partial)


async def why(session: Session, params: WhyParams) -> dict[str, Any]:
    """`whence/why`: why the lines of a range are as they are, or the definition whose name is on the one line of it."""

    def work(finder: Finder, repository: Repository, lines: Span, shown: str | None) -> tuple[Answer, dict[str, Any]]:
        from whence_server.actions import why

        explained = why(repository, lines, shown)
        return explained.answer, why_json(explained)

    return await _of_lines(session, params, "why", work)


async def explain(session: Session, params: WhyParams) -> dict[str, Any]:
    """`whence.explain`: what the lines are."""
    return await _acted(session, params, "explain")


async def who(session: Session, params: WhyParams) -> dict[str, Any]:
    """`whence.who`: whose the lines are."""
    return await _acted(session, params, "who")


async def similar(session: Session, params: WhyParams) -> dict[str, Any]:
    """`whence.similar`: what is like them."""
    return await _acted(session, params, "similar")


async def status(session: Session, params: StatusParams) -> dict[str, Any]:
    """`whence/status`: of one repository, or of all."""
    folders = [session.folder(root=params.root)] if params.root is not None else list(session.folders)
    roots = [await _status(session, folder) for folder in folders]
    return {"roots": roots, "can_run": find_spec("llama_cpp") is not None}


async def doctor(session: Session, params: StatusParams) -> dict[str, Any]:
    """`whence/doctor`: of this machine, and of one repository or of all."""
    folders = [session.folder(root=params.root)] if params.root is not None else list(session.folders)
    begins = [folder.background.begins for folder in folders]

    def work(stop: Stop) -> list[dict[str, Any]]:
        from whence_server import doctor as examine

        found = _of(None, examine.machine())
        for folder, making in zip(folders, begins, strict=True):
            stop.check()
            found += _of(to_uri(_root(folder)), examine.of_repository(folder.root.repository, making=making))
        return found

    return {"checks": await session.jobs.run(work)}


def _of(root: str | None, checks: Iterable[Check]) -> list[dict[str, Any]]:
    told = checks_json(checks)["checks"]
    return [each | {"problem": each["problem"] and public(each["problem"]), "root": root} for each in told]


async def feedback(session: Session, params: FeedbackParams) -> dict[str, Any]:
    """`whence/feedback`: an opinion of an answer, kept on this machine."""
    from whence_server.feedback import give

    given = session.memory.answer(params.answer)
    if given is None and params.question is not None and params.given is not None:
        given = Given(params.question, params.given, params.root)
    if given is None:
        raise QueryError("no answer of this session has that id; give it with its question")
    folder = session.folder(root=given.root)
    repository, good = folder.root.repository, params.verdict == "up"

    def work(stop: Stop) -> str:
        kept, before = give(
            repository.index_dir, params.verdict, given.question, given.answer, params.text, of=params.answer
        )
        if params.verdict != "note" and (before is None or (before.verdict == "up") != good):
            session.writers.judge(given.answer.model, repository, good=good)
        return kept.id

    return {"id": await session.work(folder, work)}


async def reindex(session: Session, params: StatusParams) -> dict[str, Any]:
    """`whence.reindex`: bring the index up to date now, also one whose run was cancelled."""
    folders = [session.folder(root=params.root)] if params.root is not None else list(session.folders)
    for folder in folders:
        folder.background.request(loud=True, resume=True)
    return {"roots": [to_uri(_root(folder)) for folder in folders]}


async def _acted(session: Session, params: WhyParams, action: str) -> dict[str, Any]:
    def work(finder: Finder, repository: Repository, lines: Span, shown: str | None) -> tuple[Answer, dict[str, Any]]:
        from whence_server import actions

        acts: dict[str, Callable[[Repository, Span, str | None], Answer]] = {
            "explain": partial(actions.explain, finder),
            "similar": partial(actions.similar, finder),
            "who": actions.who,
        }
        answered = acts[action](repository, lines, shown)
        return answered, answer_json(answered, stale=False)

    return await _of_lines(session, params, action, work)


async def _of_lines(session: Session, params: WhyParams, action: str, work: OfLines) -> dict[str, Any]:
    """What `work` tells of the lines of a range, remembered for those who ask on or judge it."""
    folder, lines = session.lines(params.uri, params.range)
    document = session.guard.documents.get(params.uri)
    shown, repository = document.text if document else None, folder.root.repository
    found = await session.work(
        folder, lambda stop: folder.root.ask(lambda finder: work(finder, repository, lines, shown))
    )
    answered, told = found.value
    identifier, asked = uuid4().hex[:12], f"{action} {lines.path}:{lines_of(lines.start_line, lines.end_line)}"
    root = to_uri(_root(folder))
    turn = follow(asked, parse_query(asked), answered, None, root)
    session.memory.remember(identifier, turn, identifier, Given(asked, answered, root))
    told |= {"id": identifier, "conversation": identifier}
    return _located(told, "citations", folder, found.partial and action != "why")


def _where(session: Session, params: AskParams) -> tuple[Folder, Span | None]:
    if params.uri is not None and params.range is not None and session.folders.find(params.uri):
        return session.lines(params.uri, params.range)
    return session.folder(params.uri, params.root), None


class _Stream:
    """An answer's text in the order it is read, to a client that gave a token for it."""

    def __init__(self, session: Session, token: str | int | None) -> None:
        self._session, self._token, self._told = session, token, ""
        self._loop = asyncio.get_running_loop()

    def tell(self, text: str) -> None:
        """Text as a model writes it, from any thread."""
        self._told += text
        self._loop.call_soon_threadsafe(self._send, text)

    async def end(self, text: str) -> None:
        """What is left of the whole text; nothing where that became another than was told so far.

        A cancelled request ends between two pieces.
        """
        if self._token is None or not text.startswith(self._told):
            return
        last = len(self._told)
        for cut in [*(match.end() for match in _BLOCK.finditer(text, last)), len(text)]:
            self._send(text[last:cut])
            last = cut
            await asyncio.sleep(0)

    def _send(self, text: str) -> None:
        if self._token is not None:
            self._session.guard.notify(lsp.PROGRESS, {"token": self._token, "value": {"text": text}})


async def _status(session: Session, folder: Folder) -> dict[str, Any]:
    background = folder.background
    return {
        "root": to_uri(_root(folder)),
        "indexing": background.running,
        "paused": folder.paused,
        "problem": background.problem,
        "settings": asdict(session.settings(folder)),
        "active": await session.work(folder, lambda stop: _active(folder.root.repository)),
        "index": await session.work(folder, lambda stop: folder.root.status()),
    }


def _active(repository: Repository) -> dict[str, Any]:
    """Which models answer in it; quotations do where the file that says so is damaged."""
    from whence_server.errors import ModelError
    from whence_server.models.choosing import scope_of
    from whence_server.models.installed import user_home
    from whence_server.models.roles import Roles
    from whence_server.protocol import roles_json

    try:
        return roles_json(user_home().state().roles_in(scope_of(repository)))
    except ModelError:
        return roles_json(Roles())


def _located(told: dict[str, Any], key: str, folder: Folder, partial: bool) -> dict[str, Any]:
    """With the URI of each file named, so that an editor can open it."""
    root = _root(folder)
    for each in told[key]:
        each["uri"] = to_uri(root / each["path"]) if each["path"] is not None else None
    return told | {"partial": partial, "root": to_uri(root)}


def _root(folder: Folder) -> Any:
    return folder.root.repository.root
