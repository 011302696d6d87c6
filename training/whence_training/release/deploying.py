"""A registered model becomes the champion, a challenger, or one to choose, in the home of this user; and back.

Nothing stays deployed that its canary has not shown to work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from whence_server.models.choosing import challenge, restore, use
from whence_server.models.installed import Home
from whence_server.models.manifest import Manifest
from whence_server.models.naming import reference
from whence_server.models.places import open_place
from whence_server.models.pulling import Terms, pull
from whence_server.models.registry import Registry
from whence_server.models.roles import Roles
from whence_training.config import Serving
from whence_training.errors import CanaryError
from whence_training.release.canary import Probe, fault, probe

T = TypeVar("T")
Role = Literal["champion", "challenger", "offer"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was done: the model's label, its role in a scope (see `choosing.scope_of`), and the roles before."""

    label: str
    role: Role
    scope: str
    before: Roles


def deploy(
    home: Home, registry: Path, label: str, told: Serving, scope: str, before: Roles | None = None
) -> Deployment:
    """Install the model and give it its role; one that a gate refused is a challenger at most. Raises `ModelError`.

    `before` are the roles that were there before anybody began to deploy it; those of now where none are given.
    """
    manifest = pull(home, Registry(open_place(str(registry))), reference(label), Terms())
    before, role = before or home.state().roles_in(scope), _role(manifest, told)
    if role == "champion":
        use(home, reference(label), scope)
    elif role == "challenger" and label != before.champion:
        challenge(home, reference(label), told.share, scope)
    return Deployment(label, role, scope, before)


def withdraw(home: Home, deployed: Deployment) -> bool:
    """Take the model's role back, if it still has it: all roles are as before. Returns whether it had."""
    return restore(home, deployed.label, deployed.before, deployed.scope)


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
