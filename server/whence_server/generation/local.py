"""Models on this machine as generators: a name or a file -> a checked model and the worker that runs it.

The composition of manager, worker and prompt. Adapters over one base share its worker and are switched between
questions.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from whence_indexer.errors import QueryError
from whence_indexer.processor import check as check_processor
from whence_server.errors import ModelError, WorkerError
from whence_server.generation.generator import Check, Generated, Request, Told
from whence_server.generation.prompt import system_text
from whence_server.generation.supervisor import Plan, Supervisor
from whence_server.models.capacity import memory_bytes
from whence_server.models.choosing import Active, load
from whence_server.models.gguffile import Model as File
from whence_server.models.gguffile import read_model
from whence_server.models.installed import EVERYWHERE, Home, find
from whence_server.models.manifest import Mode
from whence_server.models.naming import reference
from whence_server.types import Model

CONTEXT = 4096  # tokens: the evidence of a question, the question and its answer
_MEMORY_SHARE = 0.7  # of the machine's: the editor needs some, too
_WRITES_FROM = 1_000_000_000  # parameters; smaller models invent too much to write freely


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A generator: a model's name, how it answers, and the worker of its base. Close it when done."""

    model: Model
    mode: Mode
    worker: Supervisor
    adapter: Path | None = None

    def context(self, check: Check = lambda: None) -> int:
        """Tokens of context, when the model has loaded."""
        return int(self.worker.about(check)["context"])

    def count(self, texts: Sequence[str], check: Check = lambda: None) -> list[int]:
        """Tokens of each text."""
        return self.worker.count(texts, check)

    def generate(self, request: Request, told: Told = lambda text: None, check: Check = lambda: None) -> Generated:
        """Write, in turn."""
        return self.worker.generate(request, self.adapter, told, check)

    def close(self) -> None:
        """End the worker."""
        self.worker.close()


def open_model(
    name: str, home: Home, scope: str = EVERYWHERE, note: Callable[[str], None] = lambda message: None
) -> LocalModel:
    """The installed model `name`, or that of the file if it ends with `.gguf`; it begins to load.

    Raises `QueryError` where there is none, `ModelError` where it is damaged or llama.cpp is not installed.
    """
    if not name.endswith(".gguf"):
        return open_active(load(home, _label(home, name, scope)), note)
    path = Path(name).expanduser()
    if not path.is_file():
        raise QueryError(f"there is no file {name}")
    file = read_model(path)
    mode: Mode = "write" if file.chat_template and file.parameters >= _WRITES_FROM else "quote"
    return LocalModel(Model(path.stem), mode, _worker(path.resolve(), file, mode, note))


def open_active(chosen: Active, note: Callable[[str], None] = lambda message: None) -> LocalModel:
    """An installed model, which begins to load. Raises `ModelError`."""
    manifest = chosen.manifest
    worker = _worker(chosen.base, read_model(chosen.base), manifest.mode, note)
    return LocalModel(Model(manifest.name, manifest.version), manifest.mode, worker, chosen.adapter)


def _label(home: Home, name: str, scope: str) -> str:
    try:
        return find(home.state(), reference(name), scope)
    except ModelError as error:
        raise QueryError(f"{error}; none gives answers made of quotations") from error


def _worker(path: Path, file: File, mode: Mode, note: Callable[[str], None]) -> Supervisor:
    if importlib.util.find_spec("llama_cpp") is None:
        raise WorkerError("running a model needs llama-cpp-python: pip install 'whence[model]'")
    check_processor("llama_cpp")
    cache = platformdirs.user_cache_path("whence") / "generation"
    worker = Supervisor(Plan(path, cache, context=_context(file), systems=(system_text(mode),)), note)
    worker.start()
    return worker


def _context(file: File) -> int:
    """As many tokens of `CONTEXT` as the memory has room for, 512 at least."""
    context, memory = min(CONTEXT, file.context), memory_bytes()
    while memory and context > 512 and file.memory_bytes(context) > _MEMORY_SHARE * memory:
        context //= 2
    return context
