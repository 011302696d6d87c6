"""The models of this machine, as an editor's user sees and changes them: list, use, roll back, pull.

The same functions as `whence models`. Nothing is contacted but the registry that a request names.
"""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from whence_server.lsp.jobs import Stop
from whence_server.lsp.progress import Progress
from whence_server.lsp.requests import ModelsParams, PullParams, RollBackParams, UseParams
from whence_server.lsp.session import Session

if TYPE_CHECKING:
    from whence_server.models.installed import Home

_SHOWN_EVERY = 0.2  # seconds


async def models(session: Session, params: ModelsParams) -> dict[str, Any]:
    """`whence/models`: what is here, which answers, and what could be fetched, also from a registry."""
    scope = _scope(session, params.root)

    def work(stop: Stop) -> dict[str, Any]:
        from whence_server.models.places import open_place
        from whence_server.models.registry import Registry
        from whence_server.protocol import models_json, offers_json

        offers = Registry(open_place(params.registry)).offers() if params.registry else {}
        return models_json(_home(), scope) | offers_json(offers)

    told = await session.jobs.run(work)
    return told | {"setting": session.settings().model, "can_run": find_spec("llama_cpp") is not None}


async def use(session: Session, params: UseParams) -> dict[str, Any]:
    """`whence.useModel`: a model answers from now on, or a share of the questions.

    `none`: quotations; `auto`: what answers everywhere answers in this repository too.
    """
    scope = _scope(session, params.root)

    def work(stop: Stop) -> dict[str, Any]:
        from whence_server.models.choosing import choose
        from whence_server.protocol import roles_json

        return roles_json(choose(_home(), params.model, scope, params.share))

    roles = await session.jobs.run(work)
    session.prepare_model()
    return roles


async def roll_back(session: Session, params: RollBackParams) -> dict[str, Any]:
    """`whence.rollBackModel`: the last step is undone."""
    scope = _scope(session, params.root)

    def work(stop: Stop) -> dict[str, Any]:
        from whence_server.models import choosing
        from whence_server.protocol import roles_json

        roles, gone = choosing.roll_back(_home(), scope)
        return roles_json(roles) | {"gone": gone}

    roles = await session.jobs.run(work)
    session.prepare_model()
    return roles


async def pull(session: Session, params: PullParams) -> dict[str, Any]:
    """`whence.pullModel`: fetch a model, with progress; what was fetched of it is kept where that is cancelled."""
    seen: list[tuple[str, int, int | None]] = []

    def work(stop: Stop) -> dict[str, Any]:
        from whence_server.models.pulling import Terms, fetch
        from whence_server.models.signature import trusted_key
        from whence_server.models.upkeep import installed
        from whence_server.protocol import model_json

        def progress(stage: str, done: int, total: int | None) -> None:
            stop.check()
            seen[:] = [(stage, done, total)]

        home = _home()
        label = fetch(home, params.model, params.registry, Terms(trusted_key(), progress=progress)).label
        return next(model_json(model) for model in installed(home) if model.manifest.label == label)

    shown = Progress(session.guard, f"Whence: fetching {params.model}", session.can_show_progress)
    job, ended = asyncio.ensure_future(session.transfers.run(work)), "it was not fetched"
    try:
        while not job.done():
            await asyncio.wait([job], timeout=_SHOWN_EVERY)
            if seen:
                await shown.report(*seen[-1])
            if shown.token:
                session.pulls[shown.token] = job
        ended = "cancelled; the next pull goes on with it" if job.cancelled() else ended
        found = await job
        ended = "it is here"
        return found
    finally:
        job.cancel()
        session.pulls.pop(shown.token or "", None)
        shown.end(ended)


def _home() -> Home:
    from whence_server.models.installed import user_home

    return user_home()


def _scope(session: Session, root: str | None) -> str:
    """That of a repository, or with None that of everywhere."""
    from whence_server.models.choosing import scope_of

    return scope_of(session.folder(root=root).root.repository if root is not None else None)
