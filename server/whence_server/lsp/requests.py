"""The parameters of the requests of our own: JSON -> frozen values, or an error that names the field.

docs/protocol.md lists the same fields; a test compares them. What is not listed is passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from lsprotocol import types as lsp

from whence_indexer.types import KINDS, Kind
from whence_server.lsp.failures import invalid_params

T = TypeVar("T")
_MOST = 1000  # hits
_BOUND = 2**31  # of line and character, as the protocol has it
_LONGEST = 100_000  # characters of any text; the functions behind have bounds of their own


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise invalid_params(f"{name} is a string of at most {_LONGEST:,} characters")
    return value


def _limit(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST:
        raise invalid_params(f"{name} is a whole number from 1 to {_MOST}")
    return value


def _share(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 100:
        raise invalid_params(f"{name} is a whole number from 1 to 100")
    return value


def _kinds(name: str, value: Any) -> tuple[Kind, ...]:
    if not isinstance(value, list) or any(kind not in KINDS for kind in value):
        raise invalid_params(f"{name} is a list of some of {', '.join(KINDS)}")
    return tuple(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise invalid_params(f"{name} is true or false")
    return value


def _token(name: str, value: Any) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise invalid_params(f"{name} is a string or a whole number")
    return value


def _range(name: str, value: Any) -> lsp.Range:
    ends = [_position(f"{name}.{end}", value.get(end)) for end in ("start", "end")] if isinstance(value, dict) else []
    if not ends:
        raise invalid_params(f"{name} is an object with start and end")
    return lsp.Range(*ends)


def _position(name: str, value: Any) -> lsp.Position:
    line, character = (value.get("line"), value.get("character")) if isinstance(value, dict) else (None, None)
    if type(line) is not int or type(character) is not int or not (0 <= line < _BOUND and 0 <= character < _BOUND):
        raise invalid_params(f"{name} is an object with line and character, whole numbers from 0")
    return lsp.Position(line, character)


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "question": _text,
    "query": _text,
    "uri": _text,
    "root": _text,
    "range": _range,
    "conversation": _text,
    "model": _text,
    "partialResultToken": _token,
    "registry": _text,
    "share": _share,
    "limit": _limit,
    "kinds": _kinds,
    "under": _text,
    "answer": _text,
    "verdict": _text,
    "text": _text,
    "id": _text,
    "run": _text,
    "file": _text,
    "anyway": _flag,
}


@dataclass(frozen=True, slots=True)
class AskParams:
    """`whence/ask`, and the command `whence.ask`."""

    question: str
    uri: str | None = None
    range: lsp.Range | None = None
    root: str | None = None
    conversation: str | None = None
    model: str | None = None
    partialResultToken: str | int | None = None  # noqa: N815 - the protocol's own name


@dataclass(frozen=True, slots=True)
class SearchParams:
    """`whence/search`."""

    query: str
    limit: int = 10
    kinds: tuple[Kind, ...] = ()
    under: str | None = None
    root: str | None = None


@dataclass(frozen=True, slots=True)
class WhyParams:
    """`whence/why`, and the commands on lines."""

    uri: str
    range: lsp.Range


@dataclass(frozen=True, slots=True)
class StatusParams:
    """`whence/status`, and the commands `whence.status` and `whence.reindex`."""

    root: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackParams:
    """`whence/feedback`."""

    answer: str
    verdict: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ModelsParams:
    """`whence/models`."""

    root: str | None = None


@dataclass(frozen=True, slots=True)
class PullParams:
    """The command `whence.pullModel`."""

    model: str
    registry: str | None = None


@dataclass(frozen=True, slots=True)
class UseParams:
    """The command `whence.useModel`."""

    model: str
    share: int | None = None
    root: str | None = None


@dataclass(frozen=True, slots=True)
class RollBackParams:
    """The command `whence.rollBackModel`."""

    root: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingParams:
    """`whence/training`, and the commands `whence.training.stop` and `whence.training.rollBack`."""

    root: str | None = None


@dataclass(frozen=True, slots=True)
class ExampleParams:
    """The command `whence.training.deleteExample`."""

    id: str
    root: str | None = None


@dataclass(frozen=True, slots=True)
class FixParams:
    """The command `whence.training.fixExample`."""

    id: str
    text: str
    root: str | None = None


@dataclass(frozen=True, slots=True)
class StartParams:
    """The command `whence.training.start`."""

    anyway: bool = False
    root: str | None = None


@dataclass(frozen=True, slots=True)
class RunParams:
    """The command `whence.training.deploy`."""

    run: str
    root: str | None = None


@dataclass(frozen=True, slots=True)
class ExportParams:
    """The command `whence.training.export`."""

    run: str
    file: str
    root: str | None = None


def parse(kind: type[T], given: Any) -> T:
    """The parameters as they should be. Raises the error of invalid parameters, which names the first bad field."""
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise invalid_params("the parameters are one object")
    used: dict[str, Any] = {}
    for each in fields(kind):  # type: ignore[arg-type]
        if given.get(each.name) is not None:
            used[each.name] = CHECKS[each.name](each.name, given[each.name])
        elif each.default is MISSING:
            raise invalid_params(f"{each.name} is missing")
    return kind(**used)
