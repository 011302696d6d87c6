"""A model that lives elsewhere: an OpenAI-compatible endpoint (vLLM, Ollama, llama.cpp's server) that the user named.

Nothing is asked but what `URL#NAME` says, when a question is. It gets the question and the evidence, which is redacted,
and what it writes is verified as any model's is; grammars are not sent, since not all endpoints know them.
"""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from whence_indexer import __version__
from whence_indexer.errors import QueryError
from whence_server.errors import PromptError, WorkerError
from whence_server.generation.confidence import RETRIEVAL_ALONE, Calibration
from whence_server.generation.generator import Check, Finish, Generated, Request, Told
from whence_server.generation.turns import POLL
from whence_server.models.manifest import Mode
from whence_server.models.places import check_online, host_of, without_credentials
from whence_server.types import Model

if TYPE_CHECKING:
    import httpx2

_Opened = Callable[[str, Mapping[str, Any]], None]

KEY = "WHENCE_API_KEY"
_CONTEXT = 4096  # tokens: what Ollama has unless told otherwise, which cuts the prompt without a word
_BYTES_PER_TOKEN = 3  # of code and prose in English there are more: prompts come out shorter than they may be
_CONNECT, _PATIENCE = 5.0, 120.0  # seconds: until it is reached, from word to word
_THOUGHT = re.compile(r"\A\s*<think>.*?(?:</think>\s*|\Z)", re.DOTALL)  # which some servers leave in the text
_LONGEST = 50_000  # characters of an answer, whatever was asked for


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A generator: the address that `/chat/completions` is added to, and the model's name there."""

    address: str
    model: Model
    mode: Mode = "write"
    calibration: Calibration = RETRIEVAL_ALONE

    @classmethod
    def parse(cls, spec: str) -> Endpoint:
        """`URL#NAME`. Raises `QueryError`, and `OfflineError` where WHENCE_OFFLINE forbids to ask another machine."""
        address, _, name = spec.partition("#")
        if not re.match("https?://", address, re.IGNORECASE) or not host_of(address) or not name:
            raise QueryError(
                f"{without_credentials(address)} is not URL#NAME, as http://127.0.0.1:11434/v1#qwen2.5-coder"
            )
        if not _is_here(address):
            check_online()
        return cls(address.rstrip("/"), Model(name))

    def context(self, check: Check = lambda: None) -> int:
        """Tokens of context."""
        return _CONTEXT

    def count(self, texts: Sequence[str], check: Check = lambda: None) -> list[int]:
        """At least about how many tokens each text has."""
        return [len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN + 1 for text in texts]

    def generate(self, request: Request, told: Told = lambda text: None, check: Check = lambda: None) -> Generated:
        """Have it write. Raises `WorkerError` where it cannot be reached, `PromptError` where it refuses."""
        stream = _Stream(lambda opened: self._pieces(request, opened))
        started, first, raw, text, finish = time.monotonic(), 0.0, "", "", "length"
        try:
            for piece, end in stream.read(check):
                finish = end or finish
                raw += piece
                if len(raw) > _LONGEST:
                    break
                if not "<think>".startswith(raw.lstrip()) and (more := _THOUGHT.sub("", raw)[len(text) :]):
                    first = first or time.monotonic() - started
                    text += more
                    told(more)
        finally:
            stream.stop()
        if not text.strip():
            why = ": it may have thought until its words ran out" if finish == "length" else ""
            raise WorkerError(f"{without_credentials(self.address)} wrote nothing{why}")
        known: Finish = "end" if finish == "stop" else "length"
        return Generated(text, known, (), 0, 0, first, time.monotonic() - started)

    def _pieces(self, request: Request, opened: _Opened) -> Iterator[tuple[str, str | None]]:
        """Pieces of text with the reason of the end, which the last one has. `opened` hears of the connection."""
        import httpx2

        name, address = without_credentials(self.address), f"{self.address}/chat/completions"
        messages = [{"role": "system", "content": request.system}, {"role": "user", "content": request.user}]
        body = {
            "model": self.model.name, "messages": messages, "max_tokens": request.max_tokens, "temperature": 0,
            "stream": True,
        }  # fmt: skip
        timeout = httpx2.Timeout(_PATIENCE, connect=_CONNECT)
        direct = httpx2.HTTPTransport() if _is_here(self.address) else None  # no proxy comes between
        try:
            with (
                httpx2.Client(headers=self._headers(), timeout=timeout, transport=direct) as client,
                client.stream("POST", address, json=body, extensions={"trace": opened}) as response,
            ):
                _check(response, name)
                yield from _events(response.iter_lines(), name)
        except httpx2.InvalidURL as error:
            raise QueryError(f"{name} is no address") from error
        except httpx2.HTTPError as error:
            raise WorkerError(f"{name} cannot be reached: {error or type(error).__name__}") from error
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise WorkerError(f"{name} answers what is no stream of chat completions") from error

    def _headers(self) -> dict[str, str]:
        """With the key, which no unencrypted connection to another machine gets."""
        key, about = os.environ.get(KEY), {"User-Agent": f"whence/{__version__}"}
        if key and (self.address.lower().startswith("https://") or _is_here(self.address)):
            about["Authorization"] = f"Bearer {key}"
        return about


class _Stream:
    """An iterator read in a thread of its own, so that whoever waits for it can be stopped."""

    def __init__(self, source: Callable[[_Opened], Iterator[tuple[str, str | None]]]) -> None:
        self._stopped = False
        self._socket: socket.socket | None = None
        self._box: SimpleQueue[Any] = SimpleQueue()
        Thread(target=self._run, args=(source,), name="whence-endpoint", daemon=True).start()

    def read(self, check: Check) -> Iterator[tuple[str, str | None]]:
        while True:
            check()
            with suppress(Empty):
                item = self._box.get(timeout=POLL)
                if item is None:
                    return
                if isinstance(item, Exception):
                    raise item
                yield item

    def stop(self) -> None:
        """End the connection, so that the other side stops computing; closing it would not wake who reads it."""
        self._stopped = True
        if self._socket:
            with suppress(OSError):  # it has ended
                self._socket.shutdown(socket.SHUT_RDWR)

    def _opened(self, event: str, about: Mapping[str, Any]) -> None:
        """What httpcore tells of a connection: the one that is open last carries the answer."""
        stream = about.get("return_value")
        if stream is not None and hasattr(stream, "get_extra_info"):
            self._socket = stream.get_extra_info("socket")
            if self._stopped:
                self.stop()

    def _run(self, source: Callable[[_Opened], Iterator[tuple[str, str | None]]]) -> None:
        try:
            for item in source(self._opened):
                self._box.put(item)
            self._box.put(None)
        except Exception as error:  # whatever it is, whoever reads is to have it
            self._box.put(error)


def _check(response: httpx2.Response, name: str) -> None:
    status = response.status_code
    if status == 200:
        return
    if status in (401, 403):
        raise WorkerError(f"{name} does not let you in ({status}): set {KEY}")
    kind = PromptError if status in (400, 404, 413, 422) else WorkerError
    raise kind(f"{name} answered {status}{_said(response)}")


def _said(response: httpx2.Response) -> str:
    try:
        return _words(json.loads(next(response.iter_bytes(_LONGEST), b"")))
    except (ValueError, RecursionError):
        return ""


def _words(told: Any) -> str:
    """What went wrong in the server's words, where it has some for people; a web page is none."""
    told = (told.get("error") or told.get("detail") or told) if isinstance(told, dict) else ""
    told = told.get("message") if isinstance(told, dict) else told
    words = "".join(character for character in " ".join(str(told or "").split()) if character.isprintable())
    return f": {words[:200]}" if words else ""


def _events(lines: Iterator[str], name: str) -> Iterator[tuple[str, str | None]]:
    """The server-sent events of chat completions. Raises ValueError and its like for others."""
    begun = False
    for line in lines:
        data = line.removeprefix("data:").strip()
        if not line.startswith("data:") or not data:
            continue
        if data == "[DONE]":
            return
        event = json.loads(data)
        if event.get("error"):
            raise WorkerError(f"{name} failed{_words(event)}")
        for choice in event["choices"][:1]:
            text, end = choice["delta"].get("content") or "", choice.get("finish_reason")
            if not isinstance(text, str):
                raise TypeError
            begun = True
            yield text, end
            if end:
                return  # not all send [DONE] after it
    if begun:
        raise WorkerError(f"{name} broke off in the middle of its answer")
    raise ValueError


def _is_here(address: str) -> bool:
    host = host_of(address) or ""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
