"""Whatever goes wrong -> the JSON-RPC error that a client is told: one sentence, without a path of this machine.

What cannot be foreseen is logged to stderr, redacted, and told by its type alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from cattrs import ClassValidationError, transform_error

from whence_indexer.errors import QueryError, WhenceError
from whence_server.concealment import public as public

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
NOT_INITIALIZED, REQUEST_FAILED, REQUEST_CANCELLED = -32002, -32803, -32800

log = logging.getLogger("whence")


class WireError(WhenceError):
    """A request that is answered with an error of this `code`."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid_params(what: str) -> WireError:
    """The parameters cannot be used: `what` names which."""
    return WireError(INVALID_PARAMS, what)


def error_of(problem: BaseException) -> dict[str, Any]:
    """The error object of a response. What was not raised on purpose is logged."""
    if isinstance(problem, WireError):
        return error(problem.code, str(problem))
    if isinstance(problem, QueryError):
        return error(INVALID_PARAMS, str(problem))
    if isinstance(problem, WhenceError):
        return error(REQUEST_FAILED, str(problem))
    report(problem)
    return error(INTERNAL_ERROR, f"internal error: {type(problem).__name__}; see the server's log")


def error(code: int, message: str) -> dict[str, Any]:
    """An error object, fit to be sent."""
    return {"code": code, "message": public(message)}


def misfit(problem: Exception) -> str:
    """What of a message does not fit the protocol, by name."""
    if isinstance(problem, ClassValidationError):
        told = transform_error(problem, path="message", format_exception=_reason)
        return "; ".join(sorted(told)[:3]) or "the parameters do not fit"
    return "the parameters do not fit"


def report(problem: BaseException) -> None:
    """Tell the log of something unforeseen, without secrets."""
    import traceback

    from whence_indexer.redaction import redact

    log.error("%s", redact("".join(traceback.format_exception(problem))).text)


def _reason(problem: BaseException, kind: type | None) -> str:
    if isinstance(problem, KeyError):
        return "missing"
    return f"not {_name(kind)}" if kind is not None else "not as the protocol has it"


def _name(kind: Any) -> str:
    names: Mapping[Any, str] = {int: "a whole number", str: "a string", bool: "true or false", list: "a list"}
    return names.get(kind) or f"a {getattr(kind, '__name__', 'value of that type')}"
