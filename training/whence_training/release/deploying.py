"""A registered model becomes the champion, a challenger, or one to choose, in the home of this user; and back.

Nothing stays deployed that its canary has not shown to work: who answered before is written down first, so that also
one that a killed process left unproved is taken back, by the next that deploys.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, TypeVar

from filelock import FileLock

from whence_server.models.choosing import challenge, use
from whence_server.models.installed import Home, State
from whence_server.models.manifest import Manifest
from whence_server.models.naming import reference
from whence_server.models.places import open_place
from whence_server.models.pulling import Terms, pull
from whence_server.models.registry import Registry
from whence_server.models.roles import Roles
from whence_training.config import Serving
from whence_training.errors import CanaryError
from whence_training.release.canary import Probe, fault, probe
from whence_training.run import hash_of
from whence_training.runfolder import write_durably

T = TypeVar("T")
Role = Literal["champion", "challenger", "offer"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was done: the model's label, its role in a scope (see `choosing.scope_of`), and the roles before."""

    label: str
    role: Role
    scope: str
    before: Roles


def deploy(home: Home, registry: Path, label: str, told: Serving, scope: str) -> Deployment:
    """Install the model and give it its role; one that a gate refused is a challenger at most. Raises `ModelError`."""
    manifest = pull(home, Registry(open_place(str(registry))), reference(label), Terms())
    withdraw(home, scope)
    state, role = home.state(), _role(manifest, told)
    champion, own = state.roles_in(scope).champion, state.roles.get(scope)
    if own and own.champion == label:  # asked anew, and taken back as any other
        own = replace(own, champion=own.previous, previous=None)
    write_durably(_unproved(home, scope), json.dumps({"label": label, "before": asdict(own) if own else None}))
    if role == "champion":
        use(home, reference(label), scope)
    elif role == "challenger" and label != champion:
        challenge(home, reference(label), told.share, scope)
    return Deployment(label, role, scope, state.roles_in(scope))


def withdraw(home: Home, scope: str) -> bool:
    """Take back what is deployed and not `settled`, if it still has its role: all is as it was before. Returns whether
    it had."""
    unproved = _unproved(home, scope)
    try:
        held = json.loads(unproved.read_text("utf-8"))
    except FileNotFoundError:
        return False
    before = {scope: Roles(**held["before"])} if held["before"] else {}
    had = list[bool]()

    def back(state: State) -> State:
        roles = state.roles_in(scope)
        had.append(held["label"] in (roles.champion, roles.challenger) and roles != before.get(scope))
        others = {name: each for name, each in state.roles.items() if name != scope}
        return replace(state, roles=others | before, trials={**state.trials, scope: {}}) if had[0] else state

    home.change(back)
    unproved.unlink()
    return had[0]


def settled(home: Home, scope: str) -> None:
    """What is deployed has proved itself, and stays."""
    _unproved(home, scope).unlink(missing_ok=True)


def prove(deployed: Deployment, repository: Path, questions: Sequence[str], told: Serving) -> list[Probe]:
    """Ask it. Raises `CanaryError` where it does not answer as it must.

    A champion is asked as everybody asks from now on, others by their name.
    """
    model = "auto" if deployed.role == "champion" else deployed.label
    chosen = list(questions)[: told.canary_requests] if not told.canary else list(told.canary)
    probes = probe(repository, chosen, model, told.timeout)
    if amiss := fault(probes, deployed.label, len(told.canary) or told.canary_requests):
        raise CanaryError(f"{deployed.label} is taken back: {amiss}. See `whence ask --model {deployed.label}`")
    return probes


def guarded(
    deploying: Callable[[], Deployment], proving: Callable[[Deployment], T], withdrawing: Callable[[Deployment], object]
) -> tuple[Deployment, T]:
    """Deploy and prove; whatever goes wrong in the proof, the deployment is withdrawn."""
    deployed = deploying()
    try:
        return deployed, proving(deployed)
    except BaseException:
        withdrawing(deployed)
        raise


def _role(manifest: Manifest, told: Serving) -> Role:
    refused = not all(manifest.gates.values())
    return "challenger" if refused and told.policy == "champion" else told.policy


def _unproved(home: Home, scope: str) -> Path:
    """Which model has not yet been shown to work in a scope, and the roles before it."""
    return home.folder / f"unproved-{_named(scope)}.json"


def alone(home: Home, scope: str) -> FileLock:
    """Held while a model is deployed and proved in a scope: whose proof runs is nobody else's to take back."""
    home.folder.mkdir(parents=True, exist_ok=True)
    return FileLock(home.folder / f".deploying-{_named(scope)}.lock")


def _named(scope: str) -> str:
    """A scope, which is a path, in the name of a file."""
    return hash_of(scope)[:16]
