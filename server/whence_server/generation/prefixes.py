"""The beginnings that all prompts share, computed once and kept on disk between starts.

Lives in the worker's process. A file is used only if its digest is the one noted beside it: llama.cpp would end the
process over a damaged one. Whatever fails here costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from whence_server.generation.engine import Engine, EngineError

_FILES = 16  # of some megabytes each
_LEFT = 86_400  # seconds without a write


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The kept beginnings in `folder`; `made_by` names the model, the library and all settings that shape them."""

    folder: Path
    made_by: str

    def know(self, engine: Engine, tokens: Sequence[int]) -> bool:
        """Let `engine` know `tokens` if it does not already: from disk, or computed and put there. Whether from disk.

        Raises `StoppedError` and `EngineError` as `Engine.read` does.
        """
        if engine.shared(tokens) == len(tokens):
            return False
        path = self.folder / self._name(engine, tokens)
        if self._is_whole(path) and engine.restore(path, tokens):
            return True
        engine.read(tokens)
        with suppress(OSError, EngineError):
            self._write(engine, path)
        return False

    def _name(self, engine: Engine, tokens: Sequence[int]) -> str:
        adapter = _stamp(Path(engine.adapter)) if engine.adapter else ""
        told = json.dumps([self.made_by, engine.settings.kv, adapter, list(tokens)])
        return f"{hashlib.sha256(told.encode()).hexdigest()[:32]}.prefix"

    def _is_whole(self, path: Path) -> bool:
        with suppress(OSError):
            return _digest(path) == path.with_suffix(".sha256").read_text().strip()
        return False

    def _write(self, engine: Engine, path: Path) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            engine.save(draft)
            note = path.with_suffix(f".{os.getpid()}-sha256")
            note.write_text(_digest(draft))
            note.replace(path.with_suffix(".sha256"))
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        for left in self.folder.glob("*.[0-9]*"):  # by a process that was killed while it wrote
            if time.time() - left.stat().st_mtime > _LEFT:
                left.unlink(missing_ok=True)
        kept = sorted(self.folder.glob("*.prefix"), key=lambda file: file.stat().st_mtime, reverse=True)
        for old in kept[_FILES:]:
            old.unlink(missing_ok=True)
            old.with_suffix(".sha256").unlink(missing_ok=True)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stamp(path: Path) -> str:
    about = path.stat()
    return f"{path}:{about.st_size}:{about.st_mtime_ns}"
