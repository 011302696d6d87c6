"""The process that owns llama.cpp: orders come in by standard input, words go out by standard output, as frames.

Run as a program by `supervisor`; ends with its parent. Whatever kills it kills nothing else. It opens the files it is
told to, the folder of kept beginnings, and nothing more.

Orders: {"load": {...}} once, then {"ask": id, "system", "user", "grammar", "max_tokens", "adapter"},
{"cancel": id}, {"count": id, "texts"}. Answers: {"gpu": whether there is one}; {"ready": {...}} or {"refused": why,
"final": whether another try is no use}; {"reading": id} now and then; {"token": id, "text"}; {"done": id, ...};
{"failed": id, "why"}; {"stopped": id}; {"counted": id, "counts"}.
"""

from __future__ import annotations

import codecs
import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread
from typing import IO, Any

from whence_indexer import offspring
from whence_server.generation.chat import frame, prompt_tokens
from whence_server.generation.constraint import Constraint, GrammarError, log_probability
from whence_server.generation.deaths import offer_to_die
from whence_server.generation.engine import Engine, EngineError, RoomError, StoppedError, offloads
from whence_server.generation.frames import read_frame, write_frame
from whence_server.generation.prefixes import Prefixes
from whence_server.generation.tuning import tune

Say = Callable[[Mapping[str, Any]], None]
# Seconds from text to text, more often than anybody reads. Who hears it takes a processor from the threads that
# compute, which wait for one another many times a token.
_EVERY = 0.03


class Desk:
    """The orders waiting, and those withdrawn. The thread that reads stops what is being computed, if it is that."""

    def __init__(self, engine: Engine) -> None:
        self.waiting: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._engine, self._lock = engine, Lock()
        self._current: int | None = None
        self._withdrawn: set[int] = set()

    def withdraw(self, order: int) -> None:
        """Stop this order, now or when its turn comes."""
        with self._lock:
            self._withdrawn.add(order)
            if order == self._current:
                self._engine.stop()

    def begin(self, order: int) -> None:
        """Raises `StoppedError` if the order was withdrawn."""
        with self._lock:
            self._engine.clear_stop()
            self._current = order
            if order in self._withdrawn:
                raise StoppedError

    def is_withdrawn(self, order: int) -> bool:
        """Whether to go on with it is no use."""
        return order in self._withdrawn

    def end(self, order: int) -> None:
        """The order is answered."""
        with self._lock:
            self._current = None
            self._withdrawn.discard(order)
            self._engine.clear_stop()


class Writer:
    """A loaded model with its template and the beginnings it keeps: orders to words."""

    def __init__(self, engine: Engine, prefixes: Prefixes, parts: tuple[str, str, str]) -> None:
        self._engine, self._prefixes, self._parts = engine, prefixes, parts

    def answer(self, order: Mapping[str, Any], desk: Desk, say: Say) -> None:
        """Write, and say it as it comes. Raises what the engine and the grammar raise."""
        engine, number, started = self._engine, order["ask"], time.perf_counter()
        tokens, static = prompt_tokens(engine, self._parts, order["system"], order["user"])
        room = engine.context - len(tokens)
        if room < 1:
            raise EngineError(f"the prompt has {len(tokens):,} tokens, the context {engine.context:,}")
        engine.use_adapter(order.get("adapter"))
        self._prefixes.know(engine, tokens[:static])
        with closing(Constraint(engine.vocab, order.get("grammar"))) as constraint:
            reused = engine.read(tokens, lambda: say({"reading": number}))  # a long prompt may take minutes
            first, logprobs, finish = 0.0, [], "length"
            text, told = "", 0.0
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            for _ in range(min(room, order["max_tokens"])):
                if desk.is_withdrawn(number):
                    raise StoppedError
                logits = engine.logits()
                token = constraint.choose(logits)
                first = first or time.perf_counter() - started
                if token is None or engine.ends(token):
                    finish = "stuck" if token is None else "end"
                    break
                logprobs.append(round(log_probability(logits, token), 4))
                constraint.accept(token)
                text += decoder.decode(engine.piece(token))
                if (now := time.perf_counter()) - told > _EVERY:
                    say({"token": number, "text": text})
                    text, told = "", now
                if len(engine.known) < engine.context:
                    engine.extend([token])
        if text:
            say({"token": number, "text": text})
        say({
            "done": number, "finish": finish, "logprobs": logprobs, "prompt_tokens": len(tokens), "reused": reused,
            "first_token": first, "total": time.perf_counter() - started,
        })  # fmt: skip

    def warm_up(self, systems: list[str]) -> None:
        """Know the beginnings that are going to be asked for; the first is the one known in the end."""
        for system in reversed(systems):
            tokens, static = prompt_tokens(self._engine, self._parts, system, "")
            if static <= self._engine.context // 2:
                self._prefixes.know(self._engine, tokens[:static])


def main() -> None:
    """Load what the first order names, then answer orders until the parent is gone."""
    orders, out = offspring.pipes()
    offer_to_die()
    say = _sayer(out)
    first = read_frame(orders)
    if first is None:
        return
    say({"gpu": offloads()})
    try:
        engine, writer, about = _load(first["load"])
    except EngineError as error:
        say({"refused": str(error), "final": not isinstance(error, RoomError)})
        return
    desk = Desk(engine)
    Thread(target=_read, args=(orders, desk, engine, say), daemon=True).start()
    say({"ready": about})
    while True:
        _serve(desk.waiting.get(), writer, desk, say)


def _load(order: Mapping[str, Any]) -> tuple[Engine, Writer, dict[str, Any]]:
    import llama_cpp

    path, cache = Path(order["path"]), Path(order["cache"])
    engine = Engine(path, order["gpu_layers"])
    about = path.stat()
    model = f"{path}:{about.st_size}:{about.st_mtime_ns}:{llama_cpp.__version__}"
    settings = tune(engine, order["context"], cache / "tuning.json", model)
    parts, understood = frame(engine.chat_template())
    writer = Writer(engine, Prefixes(cache / "prefixes", model), parts)
    writer.warm_up(order["systems"])
    told = {"context": engine.context, "threads": settings.threads, "kv": settings.kv, "gpu": engine.gpu}
    return engine, writer, told | {"template": understood}


def _serve(order: dict[str, Any], writer: Writer, desk: Desk, say: Say) -> None:
    number = order["ask"]
    try:
        desk.begin(number)
        writer.answer(order, desk, say)
    except StoppedError:
        say({"stopped": number})
    except (EngineError, GrammarError) as error:
        say({"failed": number, "why": str(error)})
    finally:
        desk.end(number)


def _read(orders: IO[bytes], desk: Desk, engine: Engine, say: Say) -> None:
    """Take orders while another is worked on. Tokens are counted here: the vocabulary never changes."""
    try:
        while order := read_frame(orders):
            if "cancel" in order:
                desk.withdraw(order["cancel"])
            elif "count" in order:
                say(_counted(order, engine))
            else:
                desk.waiting.put(order)
    finally:
        os._exit(0)  # the parent is gone, or says what is no message


def _counted(order: Mapping[str, Any], engine: Engine) -> dict[str, Any]:
    try:
        return {"counted": order["count"], "counts": [len(engine.tokenize(text)) for text in order["texts"]]}
    except EngineError as error:
        return {"failed": order["count"], "why": str(error)}


def _sayer(out: IO[bytes]) -> Say:
    lock = Lock()

    def say(message: Mapping[str, Any]) -> None:
        with lock:
            try:
                write_frame(out, message)
            except OSError:  # nobody listens any more
                os._exit(1)

    return say


if __name__ == "__main__":
    main()
