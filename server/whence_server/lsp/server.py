"""`whence lsp`: the language server on standard input and output, and the composition root of what it runs.

Opens no port. Answers `initialize` before anything heavy is imported.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from threading import Semaphore, Thread
from typing import BinaryIO, NoReturn

from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from whence_indexer import __version__
from whence_server.lsp import features, parent
from whence_server.lsp.framing import Outbox, read_messages
from whence_server.lsp.guard import Guard
from whence_server.lsp.leftovers import share_arenas
from whence_server.lsp.session import Session

_AHEAD = 1000  # messages read before their turn; more are left in the pipe
_GRACE = 1.0  # seconds for the last messages to be read


class Server(LanguageServer):
    """A server of pygls that tells its client nothing on its own account."""

    protocol: Guard

    def report_server_error(self, error: Exception, source: object) -> None:
        """What fails is told in the answer to whoever asked, and in the log."""


def run() -> NoReturn:
    """Serve the client on the other end until it says exit or is gone; the exit code says which."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="whence: %(levelname)s %(message)s")
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # it would log what users type
    share_arenas()
    stdin, stdout = _take_over()
    code = asyncio.run(_serve(stdin, stdout))
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)  # a thread that still works, for nobody, must not hold up the end


async def _serve(stdin: BinaryIO, stdout: BinaryIO) -> int:
    loop = asyncio.get_running_loop()
    server = Server("whence", __version__, protocol_cls=Guard, converter_factory=default_converter)
    guard = server.protocol
    guard.outbox, guard.ended = Outbox(stdout), loop.create_future()
    session = Session(server, guard)
    features.register(server, session)
    parent.watch(lambda: server.process_id, lambda: loop.call_soon_threadsafe(guard.end, 1))
    Thread(target=_read, args=(stdin, loop, guard), name="whence-inbox", daemon=True).start()
    code = await guard.ended
    session.close()
    guard.outbox.close(_GRACE)
    return code


def _read(stdin: BinaryIO, loop: asyncio.AbstractEventLoop, guard: Guard) -> None:
    """Hand on what comes in, from a thread of its own: nothing that the server does keeps a message waiting here."""
    room = Semaphore(_AHEAD)

    def receive(body: bytes | None) -> None:
        room.release()
        guard.receive(body)

    with suppress(RuntimeError, OSError, ValueError):  # the loop has ended
        for body in read_messages(stdin):
            room.acquire()
            loop.call_soon_threadsafe(receive, body)
        loop.call_soon_threadsafe(guard.end, 1)


def _take_over() -> tuple[BinaryIO, BinaryIO]:
    """Both ends for the protocol alone: whatever prints goes to the log, and whatever reads finds nothing."""
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return stdin, stdout
