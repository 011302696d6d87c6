"""The protocol made safe: every request gets exactly one answer, whatever it holds and whatever goes wrong.

pygls is kept for what it knows: types, capabilities and registered handlers. What a message is, when it may come, and
how it fails is decided here. Runs on the event loop; handlers do their work elsewhere.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.protocol import LanguageServerProtocol, lsp_method

from whence_indexer.errors import WhenceError
from whence_server.lsp import failures
from whence_server.lsp.documents import Document, Documents
from whence_server.lsp.failures import WireError, invalid_params
from whence_server.lsp.framing import Outbox
from whence_server.lsp.positions import Encoding, choose_encoding

if TYPE_CHECKING:
    from concurrent.futures import Future

_OURS = "whence/"  # methods of our own, whose parameters our handlers check


class Guard(LanguageServerProtocol):
    """What a server of pygls speaks. `documents` are those that are open, by URI."""

    def __init__(self, server: Any, converter: Any) -> None:
        super().__init__(server, converter)
        self.documents = Documents()
        self.encoding: Encoding = "utf-16"
        self.outbox: Outbox | None = None
        self.ended: asyncio.Future[int] | None = None  # with the exit code
        self.stopped: Callable[[], object] = lambda: None  # hears of `shutdown`
        self._begun = False
        self._asked: dict[str, asyncio.Future[Any]] = {}  # requests to the client, by our id

    # What comes in

    def receive(self, body: bytes | None) -> None:
        """Handle one message; None is what was no frame."""
        try:
            message = json.loads(body) if body is not None else None
        except (ValueError, RecursionError):
            message = None
        if message is None:
            self._reply(None, error=failures.error(failures.PARSE_ERROR, "the message is not JSON"))
        elif not isinstance(message, dict):
            self._reply(None, error=failures.error(failures.INVALID_REQUEST, "a message is one JSON object"))
        elif "method" in message:
            self._called(message)
        elif "id" in message and ("result" in message or "error" in message):
            self._answered(message)
        else:
            self._reply(None, error=failures.error(failures.INVALID_REQUEST, "neither a request nor a response"))

    def _called(self, message: dict[str, Any]) -> None:
        number, method = message.get("id"), message["method"]
        is_request = "id" in message
        try:
            self._admit(message, is_request)
            params = self._params(message, is_request)
            if method == lsp.CANCEL_REQUEST:
                self._cancel(params.id)
                if is_request:  # which it should not be
                    self._reply(number)
            elif is_request:
                self._handle_request(number, method, params)  # type: ignore[arg-type]
            else:
                self._handle_notification(method, params)
        except Exception as problem:
            if is_request:
                self._reply(number if _is_id(number) else None, error=failures.error_of(problem))
            elif not isinstance(problem, WhenceError):
                failures.report(problem)

    def _admit(self, message: dict[str, Any], is_request: bool) -> None:
        """Raise `WireError` unless such a message may come now."""
        number, method = message.get("id"), message["method"]
        if not isinstance(method, str) or message.get("jsonrpc") != self.VERSION:
            raise WireError(failures.INVALID_REQUEST, "no method, or not of JSON-RPC 2.0")
        if is_request and not _is_id(number):
            raise WireError(failures.INVALID_REQUEST, "an id is a string or a whole number")
        if is_request and number in self._request_futures:
            raise WireError(failures.INVALID_REQUEST, "a request with this id is being answered")
        if method == lsp.EXIT:
            return
        if self._shutdown:
            raise WireError(failures.INVALID_REQUEST, "the server has been shut down")
        if not self._begun and method != lsp.INITIALIZE:
            raise WireError(failures.NOT_INITIALIZED, "the first request is initialize")
        if self._begun and method == lsp.INITIALIZE:
            raise WireError(failures.INVALID_REQUEST, "initialize comes once")

    def _params(self, message: dict[str, Any], is_request: bool) -> Any:
        method = message["method"]
        if not (method in self.fm.features or method in self.fm.builtin_features or method == lsp.CANCEL_REQUEST):
            raise WireError(failures.METHOD_NOT_FOUND, f"there is no method {method[:100]!r}")
        if method.startswith(_OURS):
            return message.get("params")
        known: type[Any] = self.get_message_type(method) or dict
        try:
            return getattr(self._converter.structure(message, known), "params", None)
        except Exception as problem:
            raise invalid_params(failures.misfit(problem)) from problem

    def _cancel(self, number: Any) -> None:
        if _is_id(number) and (running := self._request_futures.get(number)):
            running.cancel()

    # What goes out

    def _send_handler_result(self, future: Future[Any], *, msg_id: Any) -> None:
        self._request_futures.pop(msg_id, None)
        if future.cancelled():
            self._reply(msg_id, error=failures.error(failures.REQUEST_CANCELLED, "cancelled"))
        elif problem := future.exception():
            self._reply(msg_id, error=failures.error_of(problem))
        else:
            try:
                self._reply(msg_id, result=future.result())
            except Exception as unsendable:
                self._reply(msg_id, error=failures.error_of(unsendable))

    def _check_handler_result(self, future: Future[Any]) -> None:
        problem = None if future.cancelled() else future.exception()
        if problem and not isinstance(problem, WhenceError):
            failures.report(problem)

    def _send_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        """What pygls would send of its own accord."""
        self._reply(msg_id, result=result, error=failures.error(error.code, error.message) if error else None)

    def _reply(self, number: Any, *, result: Any = None, error: dict[str, Any] | None = None) -> None:
        told = {"error": error} if error else {"result": self._converter.unstructure(result)}
        self._send({"jsonrpc": self.VERSION, "id": number} | told)

    def notify(self, method: str, params: Any | None = None) -> None:
        """Tell the client. From any thread."""
        message = {"jsonrpc": self.VERSION, "method": method, "params": self._converter.unstructure(params)}
        self._send(message, needed=method != lsp.PROGRESS)

    def ask(self, method: str, params: Any) -> asyncio.Future[Any]:
        """Ask the client; its result as JSON. Raises `WireError` where it answers with an error. On the event loop."""
        number = f"whence-{id(self)}-{len(self._asked)}-{method}"
        while number in self._asked:
            number += "+"
        answer = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        answer.add_done_callback(lambda _: self._asked.pop(number, None))
        asked = {"jsonrpc": self.VERSION, "id": number, "method": method}
        self._send(asked | {"params": self._converter.unstructure(params)})
        return answer

    def _answered(self, message: dict[str, Any]) -> None:
        answer = self._asked.get(number) if isinstance(number := message["id"], str) else None
        if answer is None or answer.done():
            return
        if message.get("error") is not None:
            answer.set_exception(WireError(failures.REQUEST_FAILED, "the client refused"))
            answer.exception()  # it may be that nobody asks for it
        else:
            answer.set_result(message.get("result"))

    def plain(self, value: Any) -> Any:
        """A value of the protocol as JSON."""
        return self._converter.unstructure(value)

    def _send(self, message: dict[str, Any], *, needed: bool = True) -> None:
        body = json.dumps(message, allow_nan=False).encode()
        if self.outbox:
            self.outbox.put(body, needed=needed)

    # From beginning to end

    @lsp_method(lsp.INITIALIZE)
    def lsp_initialize(self, params: lsp.InitializeParams) -> Any:
        """Begin; what the server can do."""
        general = params.capabilities.general
        self.encoding = choose_encoding(general.position_encodings if general else None)
        self._begun = True
        result = yield from super().lsp_initialize(params)
        result.capabilities.position_encoding = lsp.PositionEncodingKind(self.encoding)
        return result

    @lsp_method(lsp.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Any:
        """Stop what is being done, and do nothing more."""
        self.stopped()
        yield from super().lsp_shutdown(*args)

    @lsp_method(lsp.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]
        """End the process: with 0 after a shutdown, else with 1."""
        self.end(0 if self._shutdown else 1)

    def end(self, code: int) -> None:
        """End the process with this exit code."""
        if self.ended and not self.ended.done():
            self.ended.set_result(code)

    @lsp_method(lsp.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(self, params: lsp.ExecuteCommandParams) -> Any:  # type: ignore[override]
        """Run a command; cancelled as any other request."""
        if (command := self.fm.commands.get(params.command)) is None:
            raise invalid_params(f"there is no command {params.command[:100]!r}")
        return await command(params.arguments or [])

    # Documents

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> None:
        """A document is on the screen."""
        opened = params.text_document
        self.documents[opened.uri] = Document.of(opened.uri, opened.version, opened.text)
        self._tell(lsp.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> None:
        """It was edited there."""
        if document := self.documents.get(params.text_document.uri):
            document.change(params.content_changes, params.text_document.version, self.encoding)
            self._tell(lsp.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> None:
        """It is as it is on disk again."""
        self.documents.pop(params.text_document.uri, None)
        self._tell(lsp.TEXT_DOCUMENT_DID_CLOSE, params)

    def _tell(self, method: str, params: Any) -> None:
        handler: Callable[[Any], None] | None = self.fm.features.get(method)
        if handler:
            handler(params)


def _is_id(number: Any) -> bool:
    return isinstance(number, str) or (isinstance(number, int) and not isinstance(number, bool))
