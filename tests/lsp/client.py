"""A client that speaks JSON-RPC by hand, so that it can also say what no library would: the prober of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

PATIENCE = 60.0  # seconds: a shared machine is slow at times


class Client:
    """A language server as a process, and what it said."""

    def __init__(self, cwd: Path) -> None:
        command = [sys.executable, "-m", "whence_server", "lsp"]
        self.process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.said: list[dict[str, Any]] = []  # notifications, and requests of the server
        self.log = b""
        self._answers: dict[Any, dict[str, Any]] = {}
        self._arrived: Queue[dict[str, Any] | None] = Queue()
        self._number = 0
        self.refuses: set[str] = set()  # methods that it does not know
        self.ignores: set[str] = set()  # methods that it never answers
        self.configuration: Any = None  # what it says when asked for settings
        for target in (self._listen, self._listen_to_log):
            Thread(target=target, daemon=True).start()

    def send(self, message: Any) -> None:
        """Any JSON in a frame."""
        self.send_bytes(json.dumps(message).encode())

    def send_bytes(self, body: bytes) -> None:
        """Any bytes in a frame."""
        self.send_raw(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))

    def send_raw(self, data: bytes) -> None:
        """Any bytes."""
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def notify(self, method: str, params: Any = None) -> None:
        """A notification."""
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def begin(self, method: str, params: Any = None) -> int:
        """A request; its id."""
        self._number += 1
        message = {"jsonrpc": "2.0", "id": self._number, "method": method}
        self.send(message if params is None else message | {"params": params})
        return self._number

    def answer(self, number: Any, seconds: float = PATIENCE) -> dict[str, Any]:
        """The response to it."""
        self.wait(lambda: number in self._answers, seconds, f"no answer to {number}")
        return self._answers.pop(number)

    def ask(self, method: str, params: Any = None) -> Any:
        """The result of a request, which must have one."""
        told = self.answer(self.begin(method, params))
        assert "error" not in told, told
        return told["result"]

    def refused(self, method: str, params: Any = None) -> dict[str, Any]:
        """The error of a request, which must have one."""
        told = self.answer(self.begin(method, params))
        assert "error" in told, told
        return told["error"]

    def wait(self, until: Callable[[], bool], seconds: float = PATIENCE, otherwise: str = "it never came") -> None:
        """Take in what the server says until that is so."""
        deadline = time.monotonic() + seconds
        while not until():
            try:
                message = self._arrived.get(timeout=max(0.0, min(0.2, deadline - time.monotonic())))
            except Empty:
                assert time.monotonic() < deadline, f"{otherwise}\n{self.log.decode()}"
                continue
            if message is None:
                assert until(), f"the server ended: {otherwise}\n{self.log.decode()}"
                return
            self._take(message)

    def notified(self, method: str) -> list[Any]:
        """The parameters of all such notifications and requests so far."""
        return [message["params"] for message in self.said if message["method"] == method]

    def initialize(self, *roots: Path, capabilities: Any = None, options: Any = None, **more: Any) -> Any:
        """The handshake; what the server can do."""
        folders = [{"uri": root.as_uri(), "name": root.name} for root in roots]
        params = {"processId": os.getpid(), "rootUri": None, "capabilities": capabilities or {}}
        told = self.ask("initialize", params | {"workspaceFolders": folders, "initializationOptions": options} | more)
        self.notify("initialized", {})
        return told

    def open(self, file: Path, text: str | None = None) -> str:
        """Show a file on the screen; its URI."""
        shown = file.read_text() if text is None else text
        document = {"uri": file.as_uri(), "languageId": "python", "version": 1, "text": shown}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return file.as_uri()

    def close(self, uri: str) -> None:
        """Show it no more."""
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def until_indexed(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait for the end of the first run; the status of the first root."""
        deadline = time.monotonic() + seconds
        while True:
            roots = self.ask("whence/status")["roots"]
            if roots and roots[0]["index"] and not roots[0]["indexing"] and roots[0]["index"]["fresh"]:
                return roots[0]
            assert time.monotonic() < deadline, (roots, self.log.decode())
            time.sleep(0.1)

    def stop(self) -> int:
        """Shut down and exit; the exit code."""
        self.ask("shutdown")
        self.notify("exit")
        return self.process.wait(PATIENCE)

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._answers[message["id"]] = message
            return
        self.said.append(message)
        if "id" in message and message["method"] not in self.ignores:
            refused = message["method"] in self.refuses
            told = (
                {"error": {"code": -32601, "message": "no"}} if refused else {"result": self._result(message["method"])}
            )
            self.send({"jsonrpc": "2.0", "id": message["id"]} | told)

    def _result(self, method: str) -> Any:
        return {"window/showDocument": {"success": True}, "workspace/configuration": [self.configuration]}.get(method)

    def _listen(self) -> None:
        stream = self.process.stdout
        assert stream
        while header := stream.readline():
            length = int(header.split(b":")[1])
            assert stream.readline() == b"\r\n"
            self._arrived.put(json.loads(stream.read(length)))
        self._arrived.put(None)

    def _listen_to_log(self) -> None:
        assert self.process.stderr
        while line := self.process.stderr.readline():
            self.log += line


@contextmanager
def serving(cwd: Path) -> Iterator[Client]:
    """A server, which is gone afterwards."""
    client = Client(cwd)
    try:
        yield client
    finally:
        client.process.kill()
        client.process.wait()
        for pipe in (client.process.stdin, client.process.stdout, client.process.stderr):
            if pipe:
                with suppress(OSError):
                    pipe.close()
