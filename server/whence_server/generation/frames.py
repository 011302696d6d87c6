"""Messages between the server and its worker: JSON objects, each after its length, on a pipe.

Takes and returns plain values; what is no such message raises `FrameError`. Runs nothing that it reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

# A prompt of a million characters is 1 MB.
MAX_BYTES = 1 << 26
_LENGTH = 4


class FrameError(ValueError):
    """What came is no message."""


def write_frame(pipe: IO[bytes], message: Mapping[str, Any]) -> None:
    """Send `message`. Raises OSError where nobody reads any more, `FrameError` where it is too long."""
    data = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace")
    if len(data) > MAX_BYTES:
        raise FrameError(f"a message of {len(data):,} bytes")
    pipe.write(len(data).to_bytes(_LENGTH, "big") + data)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> dict[str, Any] | None:
    """The next message; None at the end, also where it ends within one. Raises `FrameError`."""
    head = pipe.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    length = int.from_bytes(head, "big")
    if length > MAX_BYTES:
        raise FrameError(f"a message of {length:,} bytes")
    data = pipe.read(length)
    if len(data) < length:
        return None
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise FrameError("no JSON") from error
    if not isinstance(message, dict):
        raise FrameError("no JSON object")
    return message
