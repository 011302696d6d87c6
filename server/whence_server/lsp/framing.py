"""Messages as LSP frames them, on byte streams: a header that tells the length, then the body.

Reads and writes bytes; knows nothing of what a body says. A frame that makes no sense costs that frame alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Lock, Thread
from typing import BinaryIO

MAX_BODY = 64 << 20  # a document may be large; what is larger still is no message of an editor
_MUCH = 8 << 20  # bytes that wait for the client
_MAX_HEADER = 8 << 10
_BLOCK = 1 << 20
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,15})[ \t]*\r?\n?\Z", re.IGNORECASE)


def read_messages(stream: BinaryIO) -> Iterator[bytes | None]:
    """The body of each frame until the stream ends; None once for each place that is no frame."""
    lost = False
    while line := stream.readline(_MAX_HEADER):
        if not (match := _LENGTH.search(line)):
            lost = lost or (bool(line.strip()) and not _is_header(line))
            continue
        if lost:
            yield None
        lost = False
        if not _skip_headers(stream):
            return
        length = int(match[1])
        if length > MAX_BODY:
            _discard(stream, length)
            yield None
            continue
        body = stream.read(length)
        if len(body) < length:
            return
        yield body
    if lost:
        yield None


class Outbox:
    """Writes frames in the order given, in a thread of its own: a client that does not read holds up nobody.

    While it reads nothing, what it can do without is dropped.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._waiting = stream, SimpleQueue[bytes | None]()
        self._bytes, self._counting = 0, Lock()
        self._thread = Thread(target=self._write, name="whence-outbox", daemon=True)
        self._thread.start()

    def put(self, body: bytes, *, needed: bool = True) -> None:
        """Send one message, or drop one that is not `needed` where too much waits already. From any thread."""
        if not needed and self._bytes > _MUCH:
            return
        frame = b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        with self._counting:
            self._bytes += len(frame)
        self._waiting.put(frame)

    def close(self, seconds: float) -> None:
        """Wait until all is written, but no longer than that."""
        self._waiting.put(None)
        self._thread.join(seconds)

    def _write(self) -> None:
        try:
            while (frame := self._waiting.get()) is not None:
                self._stream.write(frame)
                with self._counting:
                    self._bytes -= len(frame)
                if self._waiting.empty():
                    self._stream.flush()
            self._stream.flush()
        except (OSError, ValueError):  # the client is gone; its end of the other pipe tells the reader
            pass


def _is_header(line: bytes) -> bool:
    return re.match(rb"[\w-]{1,40}:", line) is not None


def _skip_headers(stream: BinaryIO) -> bool:
    """Read the other header lines up to the blank one; whether it came."""
    while line := stream.readline(_MAX_HEADER):
        if not line.strip():
            return True
    return False


def _discard(stream: BinaryIO, length: int) -> None:
    while length > 0 and (block := stream.read(min(length, _BLOCK))):
        length -= len(block)
