"""The two kinds of teacher: a model on this machine, and an OpenAI-compatible URL that the user has named.

Nothing is sent anywhere unless the configuration has that URL; the key comes from the environment and is never shown.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import httpx2

from whence_indexer.errors import QueryError
from whence_server.errors import GenerationError
from whence_server.generation.generator import Request
from whence_server.generation.serving import Serving
from whence_server.models.installed import user_home
from whence_training.config import Author

Written = Callable[[str, str, str, dict[str, Any]], str]
_MOST_TOKENS = 320


def local_writer(name: str, note: Callable[[str], None]) -> tuple[Written, Callable[[], None]]:
    """An installed model or a GGUF file, and what ends it. Raises `ModelError` or `QueryError`."""
    held = ExitStack()
    serving = held.enter_context(closing(Serving(user_home(), note)))
    writing = held.enter_context(serving.writing(name))
    if writing is None:
        held.close()
        raise QueryError(f"{name} is no model that could teach")
    model = writing.generator

    def write(system: str, user: str, grammar: str, schema: dict[str, Any]) -> str:
        return model.generate(Request(system, user, grammar, _MOST_TOKENS, "training")).text

    return write, held.close


def remote_writer(told: Author) -> Written:
    """A chat completion in the shape of OpenAI's, its answer held to the schema."""

    def write(system: str, user: str, grammar: str, schema: dict[str, Any]) -> str:
        key = os.environ.get(told.key_variable, "")
        asked = {
            "model": told.model or "default",
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
            "temperature": 0,
            "max_tokens": _MOST_TOKENS,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "strict": True, "schema": schema},
            },
        }
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            address = f"{(told.url or '').rstrip('/')}/chat/completions"
            answered = httpx2.post(address, json=asked, headers=headers, timeout=told.timeout)
            answered.raise_for_status()
            return str(answered.json()["choices"][0]["message"]["content"])
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, IndexError, TypeError) as error:
            raise GenerationError(f"{told.url} did not answer as it should: {type(error).__name__}") from error

    return write
