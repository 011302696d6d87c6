"""What a stage is, and what it works on: a run of one repository in one state, told what to do.

Values only; what the stages do is in `stage.py` of each part, and `stages` puts them in order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whence_indexer.repository import Repository
from whence_training.config import Config
from whence_training.qa.record import canonical
from whence_training.runfolder import Made

Note = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """A run: its folder, what it is of, and what it was told. `fingerprint` names the state of the index."""

    folder: Path
    repository: Repository
    config: Config
    fingerprint: str
    note: Note = lambda message: None


# (the run, the stages it needs, an empty folder) -> what the stage says of itself
Work = Callable[[Run, Mapping[str, Made], Path], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its number and name, those whose files it reads, and the function that makes its own."""

    number: str
    name: str
    title: str
    needs: tuple[str, ...]
    work: Work
    inputs: Callable[[Run], object]

    @property
    def folder(self) -> str:
        """Where its files are in the run's folder."""
        return f"{self.number}-{self.name}"


def runs_folder(repository: Repository, config: Config) -> Path:
    """Where runs are kept: beside the index, never in the user's work tree, unless the configuration names a folder."""
    return config.paths.runs or repository.index_dir / "training"


def hash_of(value: object) -> str:
    """SHA-256 of a value of JSON."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
