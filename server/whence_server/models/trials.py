"""What came of a challenger's questions, and of the champion's in the same time: whether it is to be taken back.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

from whence_server.models.roles import Roles

Event = Literal["answered", "failed", "up", "down"]

_FAILURES = 0.05  # of a model's answers may fail without anybody's fault: a worker killed for memory, a machine asleep
_Z = 1.64  # one-sided 95 %


@dataclass(frozen=True)
class Tally:
    """Questions that a model answered, those it failed at, and what people said of its answers."""

    answered: int = 0
    failed: int = 0
    up: int = 0
    down: int = 0

    @property
    def asked(self) -> int:
        """Questions."""
        return self.answered + self.failed


def counted(tallies: Mapping[str, Tally], label: str, event: Event) -> dict[str, Tally]:
    """`tallies` by label, with one more `event` of `label`."""
    tally = tallies.get(label, Tally())
    return {**tallies, label: replace(tally, **{event: getattr(tally, event) + 1})}


def fault(roles: Roles, tallies: Mapping[str, Tally]) -> str:
    """Why the challenger is to be taken back; "" as long as nothing says so beyond chance.

    Its share of failures, or of downvotes, must lie above the champion's by the lower end of Wilson's interval
    (Wilson 1927, one-sided 95 %), which three of three do.
    """
    if roles.challenger is None:
        return ""
    its, other = tallies.get(roles.challenger, Tally()), tallies.get(roles.champion or "", Tally())
    if _lower(its.failed, its.asked) > max(_FAILURES, _share(other.failed, other.asked, 0.0)):
        return f"it failed at {its.failed} of {its.asked} questions"
    if _lower(its.down, its.up + its.down) > _share(other.down, other.up + other.down, 0.5):
        return f"{its.down} of {its.up + its.down} opinions of its answers were bad"
    return ""


def _share(part: int, whole: int, otherwise: float) -> float:
    return part / whole if whole else otherwise


def _lower(part: int, whole: int) -> float:
    """The lower end of the interval that the true share lies in; 0 for too few."""
    if whole < 3:
        return 0.0
    share, square = part / whole, _Z**2 / whole
    return (share + square / 2 - sqrt(share * (1 - share) * square + square**2 / 4)) / (1 + square)
