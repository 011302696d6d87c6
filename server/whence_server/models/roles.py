"""Which model answers: the champion, or for a share of the questions a challenger; and what came before.

Pure: takes labels (`NAME@VERSION`), returns new `Roles`. None as a champion means answers made of quotations.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from whence_server.errors import ModelError

# In per cent; a challenger that does well is given the next.
SHARES = (5, 25, 100)


@dataclass(frozen=True)
class Roles:
    """Labels by role. `share` is the per cent of questions that the challenger answers."""

    champion: str | None = None
    challenger: str | None = None
    previous: str | None = None
    share: int = 0

    @property
    def labels(self) -> dict[str, str]:
        """The roles that are taken."""
        named = {"champion": self.champion, "challenger": self.challenger, "previous": self.previous}
        return {role: label for role, label in named.items() if label}


def used(roles: Roles, label: str | None) -> Roles:
    """`label` answers everything from now on; who did before is the previous. None returns to quotations."""
    if label == roles.champion:
        return replace(roles, challenger=None, share=0)
    return Roles(champion=label, previous=roles.champion)


def challenged(roles: Roles, label: str, share: int) -> Roles:
    """`label` answers `share` per cent of the questions. Raises `ModelError`."""
    if not 1 <= share <= 100:
        raise ModelError(f"a share of {share} % cannot be: 1 to 100")
    if label == roles.champion:
        raise ModelError(f"{label} is the champion: it cannot challenge itself")
    return replace(roles, challenger=label, share=share)


def rolled_back(roles: Roles) -> tuple[Roles, str | None]:
    """Undo the last step, and the label that went: a challenger, else the champion, for the previous or quotations.

    Where quotations were chosen (None went) the model before them answers again.

    Raises `ModelError` where nothing is left to undo. Asked again and again it ends at quotations, and never returns to
    what was rolled back.
    """
    if roles.challenger:
        return replace(roles, challenger=None, share=0), roles.challenger
    if roles.champion:
        return Roles(champion=roles.previous), roles.champion
    if roles.previous:
        return Roles(champion=roles.previous), None
    raise ModelError("no model is in use: there is nothing to roll back")


def chosen(roles: Roles, question: str) -> str | None:
    """Who answers the question with this id: always the same one for the same id and share."""
    if roles.challenger and _place(question) < roles.share / 100:
        return roles.challenger
    return roles.champion


def _place(question: str) -> float:
    """Where the question falls between 0 and 1."""
    return int.from_bytes(hashlib.sha256(question.encode("utf-8", "surrogatepass")).digest()[:8], "big") / 2**64
