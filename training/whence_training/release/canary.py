"""A deployed model is asked real questions through a language server of its own process, as an editor asks them.

What no request was sent for has not been shown: a canary that sent none, or fewer than it should, has failed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

_EXTRACTIVE = "extractive"  # who answers where no model does
_FAILED = "_No model wrote this"  # begins the note under an answer that a model failed at


@dataclass(frozen=True, slots=True)
class Probe:
    """A request that was sent, and what came of it. `model` is `NAME@VERSION`; `problem` what went wrong, or ""."""

    question: str
    model: str = ""
    cited: int = 0
    abstained: bool = False
    seconds: float = 0.0
    problem: str = ""


def probe(repository: Path, questions: Sequence[str], model: str, timeout: float) -> list[Probe]:
    """Ask each question of a new server that has `repository` open; `model` is as in `whence ask --model`.

    `timeout` are the seconds for each. The server uses the models of this user, and ends with this call.
    """
    return asyncio.run(_probe(repository, questions, model, timeout))


def fault(probes: Sequence[Probe], label: str, wanted: int) -> str:
    """Why these answers do not show that the model `label` is at work; "" where they do.

    All `wanted` were sent and none failed; where a model answered it was this one, once at least with a receipt. Where
    the evidence was too weak for an answer, or the history alone gave it, no model was asked, which is no fault.
    """
    if len(probes) < max(wanted, 1):
        return f"{len(probes)} of {max(wanted, 1)} requests were sent"
    if bad := [each for each in probes if each.problem]:
        return f"{len(bad)} of {len(probes)} requests failed: {bad[0].problem}"
    if others := {each.model for each in probes} - {label, _EXTRACTIVE}:
        return f"{min(others)} answered in its place"
    if not any(each.model == label and each.cited for each in probes):
        return f"it answered none of {len(probes)} questions with a receipt"
    return ""


async def _probe(repository: Path, questions: Sequence[str], model: str, timeout: float) -> list[Probe]:
    client = LanguageClient("whence-canary", "1")
    environment = {**os.environ, "WHENCE_KEEP_QUESTIONS": ""}  # nobody asks these
    await client.start_io(sys.executable, "-m", "whence_server", "lsp", cwd=repository, env=environment)
    try:
        folder = lsp.WorkspaceFolder(uri=repository.resolve().as_uri(), name=repository.name)
        begin = lsp.InitializeParams(
            capabilities=lsp.ClientCapabilities(), process_id=os.getpid(), workspace_folders=[folder],
            initialization_options={"index": False},  # the index is as it was when the stage began
        )  # fmt: skip
        await asyncio.wait_for(client.initialize_async(begin), timeout)
        client.initialized(lsp.InitializedParams())
        return [await _ask(client, question, model, timeout) for question in questions]
    finally:
        await _end(client)


async def _ask(client: LanguageClient, question: str, model: str, timeout: float) -> Probe:
    params = {"question": question, "model": model}
    try:
        told: Any = await asyncio.wait_for(client.protocol.send_request_async("whence/ask", params), timeout)
    except (JsonRpcException, TimeoutError) as error:
        return Probe(question, problem=str(error) or f"no answer within {timeout:g} s")
    by, version = told.model.name, told.model.version
    problem = told.answer[told.answer.index(_FAILED) :].strip("_") if _FAILED in told.answer else ""
    return Probe(
        question, f"{by}@{version}" if version else by, len(told.citations), told.abstained, told.timings.total, problem
    )


async def _end(client: LanguageClient) -> None:
    """Shut down as an editor does; kill what does not end."""
    process: Any = client._server
    stop: Callable[[], Awaitable[None]] = client.stop
    try:
        await asyncio.wait_for(client.shutdown_async(None), 5)
        client.exit(None)
        await asyncio.wait_for(stop(), 5)
    except (JsonRpcException, TimeoutError, OSError):
        process.kill()
        await stop()
