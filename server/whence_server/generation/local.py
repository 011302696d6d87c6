"""Models on this machine as generators: a name or a file -> a checked model and the worker that runs it.

Adapters over one base share its worker and are switched between questions.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import platformdirs

from whence_indexer import extras
from whence_indexer.errors import QueryError
from whence_indexer.processor import check as check_processor
from whence_server.errors import ModelError, WorkerError
from whence_server.generation.confidence import RETRIEVAL_ALONE, Calibration, read_calibration
from whence_server.generation.generator import Check, Generated, Request, Told
from whence_server.generation.prompt import VERSION, system_text
from whence_server.generation.supervisor import Plan, Supervisor
from whence_server.models.capacity import memory_bytes
from whence_server.models.choosing import Active
from whence_server.models.gguffile import Model as File
from whence_server.models.gguffile import read_model
from whence_server.models.manifest import Mode
from whence_server.types import Model

CONTEXT = 4096  # tokens: the evidence of a question, the question and its answer
_MEMORY_SHARE = 0.7  # of the machine's: the editor needs some, too
_LOADED = 2  # bases that stay loaded: a champion's and a challenger's


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A generator: a model's name, how it answers, and the worker of its base."""

    model: Model
    mode: Mode
    worker: Supervisor
    adapter: Path | None = None
    calibration: Calibration = RETRIEVAL_ALONE

    def context(self, check: Check = lambda: None) -> int:
        """Tokens of context, when the model has loaded."""
        return int(self.worker.about(check)["context"])

    def count(self, texts: Sequence[str], check: Check = lambda: None) -> list[int]:
        """Tokens of each text."""
        return self.worker.count(texts, check)

    def generate(self, request: Request, told: Told = lambda text: None, check: Check = lambda: None) -> Generated:
        """Write, in turn."""
        return self.worker.generate(request, self.adapter, told, check)


class _Base(NamedTuple):
    """A file as it was when it was looked at: another one under its name is another base."""

    path: Path
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> _Base:
        """The file as it is. Raises `ModelError` where it is gone."""
        try:
            about = path.stat()
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
        return cls(path, about.st_size, about.st_mtime_ns)


class Workers:
    """The workers of one process of ours, by base; one that is not used ends where there are too many, or at once where
    its file was replaced.

    For any thread. `note` hears in a sentence what the user should know; `patience` are the seconds that a question
    waits for a model to load.
    """

    def __init__(self, note: Callable[[str], None] = lambda message: None, patience: float = 60.0) -> None:
        self._note, self._patience, self._lock = note, patience, Lock()
        self._by_base: dict[_Base, Supervisor] = {}  # the one used last at the end
        self._users: Counter[_Base] = Counter()
        self._told: set[str] = set()

    @contextmanager
    def installed(self, chosen: Active) -> Iterator[LocalModel]:
        """An installed model, which begins to load if it has not. Raises `ModelError`."""
        manifest = chosen.manifest
        if manifest.prompt not in ("", VERSION) and manifest.label not in self._told:
            self._told.add(manifest.label)
            self._note(f"{manifest.label} was made for version {manifest.prompt} of the prompt, and gets {VERSION}")
        with self._held(_Base.of(chosen.base), manifest.mode) as worker:
            model = Model(manifest.name, manifest.version)
            yield LocalModel(model, manifest.mode, worker, chosen.adapter, read_calibration(manifest.metrics))

    @contextmanager
    def file(self, path: Path) -> Iterator[LocalModel]:
        """The model of a GGUF file. Raises `QueryError` where there is none, `ModelError` where it is damaged."""
        if not path.is_file():
            raise QueryError(f"there is no file {path}")
        base, mode = _Base.of(path.resolve()), read_model(path).mode
        with self._held(base, mode) as worker:
            yield LocalModel(Model(path.stem), mode, worker)

    def ready(self, base: Path) -> bool:
        """Whether a base answers without loading first."""
        worker = self._by_base.get(_Base.of(base))
        return worker is not None and worker.ready

    def close(self) -> None:
        """End them all."""
        with self._lock:
            while self._by_base:
                self._by_base.popitem()[1].close()

    @contextmanager
    def _held(self, base: _Base, mode: Mode) -> Iterator[Supervisor]:
        with self._lock:
            worker = self._by_base.pop(base, None) or _start(base.path, mode, self._note, self._patience)
            self._by_base[base] = worker
            self._users[base] += 1
            self._retire()
        try:
            yield worker
        finally:
            with self._lock:
                self._users[base] -= 1
                self._retire()

    def _retire(self) -> None:
        """End what was replaced or is too many of those that nobody uses, the one used longest ago first."""
        newest = {base.path: base for base in self._by_base}
        unused = [base for base in self._by_base if not self._users[base]]
        surplus = unused[: max(0, len(self._by_base) - _LOADED)]
        for base in unused:
            if base in surplus or newest[base.path] != base:
                self._by_base.pop(base).close()


def _start(path: Path, mode: Mode, note: Callable[[str], None], patience: float) -> Supervisor:
    if importlib.util.find_spec("llama_cpp") is None:
        raise WorkerError(f"running a model needs llama-cpp-python: {extras.command('model')}")
    check_processor("llama_cpp")
    cache = platformdirs.user_cache_path("whence") / "generation"
    context = _context(read_model(path))
    worker = Supervisor(Plan(path, cache, context=context, systems=(system_text(mode),), loading=patience), note)
    worker.start()
    return worker


def _context(file: File) -> int:
    """As many tokens of `CONTEXT` as the memory has room for, 512 at least."""
    context, memory = min(CONTEXT, file.context), memory_bytes()
    while memory and context > 512 and file.memory_bytes(context) > _MEMORY_SHARE * memory:
        context //= 2
    return context
