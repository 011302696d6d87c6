"""Monitoring of a repository's own log: what is kept beside its index, with the vectors of its embedder."""

from __future__ import annotations

import numpy as np

from whence_indexer.workspace import Workspace
from whence_server.feedback import read_feedback
from whence_server.questionlog import Entry, read_questions
from whence_training.config import Config
from whence_training.release.monitoring import Signal, Vectors, signals


def current_signals(workspace: Workspace, config: Config) -> list[Signal]:
    """The signals of now; see `monitoring.signals`."""
    folder = workspace.repository.index_dir
    asked = read_questions(folder)
    return signals(read_feedback(folder), asked, embedded(workspace, asked), config.monitoring)


def embedded(workspace: Workspace, asked: list[Entry]) -> Vectors:
    """The vectors of questions, by the index's own embedder."""
    if not asked:
        return np.zeros((0, 1), np.float32)
    return workspace.ask(lambda searcher: searcher.embed([entry.question for entry in asked]))
