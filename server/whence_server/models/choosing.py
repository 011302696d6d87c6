"""Which installed model answers, in one repository or everywhere; and the files that the worker loads for it.

A change is one rename of the state. Whoever has loaded a model before keeps it until asked the next time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from whence_indexer.errors import QueryError
from whence_indexer.repository import Repository
from whence_server.errors import ModelError
from whence_server.models import roles as steps
from whence_server.models.installed import EVERYWHERE, Home, State, find, remedy
from whence_server.models.manifest import Manifest
from whence_server.models.naming import Reference, reference
from whence_server.models.roles import Roles
from whence_server.models.trials import Event, counted, fault


@dataclass(frozen=True)
class Active:
    """What the worker loads: a base, and the adapter over it if there is one. `role` is champion or challenger."""

    manifest: Manifest
    role: str
    base: Path
    adapter: Path | None


def scope_of(repository: Repository | None) -> str:
    """The name under which a repository's own choice is kept: where its index is; "" for everywhere."""
    return EVERYWHERE if repository is None else os.fspath(repository.index_dir)


def active(home: Home, scope: str = EVERYWHERE, question: str | None = None) -> Active | None:
    """The model that answers the question with this id; None where quotations do. Raises `ModelError`."""
    roles = home.state().roles_in(scope)
    label = steps.chosen(roles, question) if question is not None else roles.champion
    if label is None:
        return None
    return load(home, label, "challenger" if label != roles.champion else "champion")


def load(home: Home, label: str, role: str = "champion") -> Active:
    """The files of an installed model. Raises `ModelError` where one is not there."""
    manifest = home.manifest(label)
    if missing := [blob for blob in manifest.blobs if not home.blobs.has(blob)]:
        way = remedy(label, home.entry(label))
        raise ModelError(f"{missing[0].digest} of {label} is missing: `{way}` mends it")
    adapter = home.blobs.path(manifest.adapter.digest) if manifest.adapter else None
    return Active(manifest, role, home.blobs.path(manifest.base.digest), adapter)


def choose(home: Home, model: str, scope: str = EVERYWHERE, share: int | None = None) -> Roles:
    """Do what somebody says: let a model answer, or `share` per cent of the questions; `none`: quotations.

    `auto` gives up what a repository has chosen for itself. Raises `ModelError`; `QueryError` for what makes no sense.
    """
    if model == "auto":
        if scope == EVERYWHERE or share is not None:
            raise QueryError("auto takes back the choice of one repository (--repo PATH), and has no share")
        return follow(home, scope)
    wanted = None if model == "none" else reference(model)
    if share is None:
        return use(home, wanted, scope)
    if wanted is None:
        raise QueryError("none cannot challenge: use it, or roll back")
    return challenge(home, wanted, share, scope)


def use(home: Home, wanted: Reference | None, scope: str = EVERYWHERE) -> Roles:
    """Let a model answer from now on, or with None only quotations. Raises `ModelError`."""

    def step(state: State) -> Roles:
        label = find(state, wanted, scope) if wanted else None
        if label:
            load(home, label)
        return steps.used(state.roles_in(scope), label)

    return _step(home, scope, step)


def follow(home: Home, scope: str) -> Roles:
    """Give up a repository's own choice: what is used everywhere answers there again. Raises `ModelError`."""
    return home.change(lambda state: state.without([scope])).roles_in(scope)


def challenge(home: Home, wanted: Reference, share: int, scope: str = EVERYWHERE) -> Roles:
    """Let a model answer `share` per cent of the questions. Raises `ModelError`."""

    def step(state: State) -> Roles:
        label = find(state, wanted, scope)
        load(home, label)
        return steps.challenged(state.roles_in(scope), label, share)

    return _step(home, scope, step)


def roll_back(home: Home, scope: str = EVERYWHERE) -> tuple[Roles, str | None]:
    """Undo the last step; returns the roles and the label that went, None for quotations. Raises `ModelError`."""
    gone: list[str | None] = []

    def step(state: State) -> Roles:
        roles, label = steps.rolled_back(state.roles_in(scope))
        gone.append(label)
        return roles

    return _step(home, scope, step), gone[-1]


def record(home: Home, label: str, event: Event, scope: str = EVERYWHERE) -> str:
    """Count an event of a model while a challenger is on trial; one that does worse for it is taken back.

    Returns the sentence that says so, else "". Raises `ModelError`.
    """
    if home.state().roles_in(scope).challenger is None:
        return ""
    said = [""]

    def change(state: State) -> State:
        place, roles = state.scope_in(scope), state.roles_in(scope)
        if label not in (roles.champion, roles.challenger):
            return state
        tallies = counted(state.trials.get(place, {}), label, event)
        state = replace(state, trials={**state.trials, place: tallies})
        if not (why := fault(roles, tallies)):
            return state
        said[0] = f"the challenger {roles.challenger} is taken back: {why}"
        return replace(state, roles={**state.roles, place: steps.rolled_back(roles)[0]})

    home.change(change)
    return said[0]


def _step(home: Home, scope: str, step: Callable[[State], Roles]) -> Roles:
    """Change the roles of a scope, whose trial begins anew with them."""
    state = home.change(
        lambda state: replace(state, roles={**state.roles, scope: step(state)}, trials={**state.trials, scope: {}})
    )
    return state.roles[scope]
