"""Texts -> unit vectors, behind one small protocol.

The default is the package's own static model: the mean of its tokens' vectors, run with numpy and tokenizers alone.
Any sentence-transformers model can take its place. Imports nothing heavy before a model is loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from whence_indexer import extras
from whence_indexer.errors import EmbedderError
from whence_indexer.rounding import restored
from whence_indexer.tokens import Tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT = "static"
_SHIPPED = Path(__file__).parent / "weights" / "static"
_BATCH = 256
_MAX_TOKENS = 512  # chunks are smaller; a pathological line must not cost more


class Embedder(Protocol):
    """What the index needs of an embedding model. `name` identifies the weights: other name, other vectors."""

    name: str
    dimension: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Passages as an array of shape (len(texts), dimension), rows of unit length (or zero for no tokens)."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """A question as a vector of shape (dimension,), unit length."""
        ...


class StaticEmbedder:
    """A sentence-transformers `StaticEmbedding`, or one that is `rounded`, run without torch."""

    def __init__(self, folder: Path) -> None:
        """Load `model.safetensors` and `tokenizer.json` from `folder`, the module's own."""
        from tokenizers import Tokenizer

        tensors = _read_tensors(folder)
        try:
            tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the libraries raise a dozen types, some of them bare Exception
            raise EmbedderError(f"the embedding model in {folder.name} cannot be loaded: {error}") from error
        self._tokens = Tokens(tokenizer, _MAX_TOKENS)
        self.folder = folder
        self.weights = restored(tensors)
        self.dimension = int(self.weights.shape[1])
        self.name = weights_name(*tensors.values())

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `Embedder.embed`."""
        batches = [self._embed(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        return np.concatenate(batches) if batches else np.zeros((0, self.dimension), np.float32)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder.embed_query`."""
        vector: NDArray[np.float32] = self.embed([text])[0]
        return vector

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """The token ids of each text: rows of `weights`, which has the shape (vocabulary, dimension)."""
        return self._tokens.ids(texts)

    def with_weights(self, weights: NDArray[np.float32]) -> StaticEmbedder:
        """The same tokenizer with other `weights`."""
        other = copy(self)
        other.weights, other.name = weights, weights_name(weights.astype(np.float16))
        return other

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, ids in enumerate(self._tokens.ids(texts)):
            if ids:  # the mean's divisor falls out of the normalisation
                vectors[row] = self.weights.take(ids, axis=0).sum(axis=0)
        return _normalised(vectors)


class SentenceTransformerEmbedder:
    """Any sentence-transformers model, by name or folder; code from a model's repository is never run."""

    def __init__(self, model: str) -> None:
        """Load `model` through the `[embedders]` extra."""
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise EmbedderError(f"the embedder {model!r} needs more: {extras.command('embedders')}") from error
        try:
            self._model: Any = SentenceTransformer(model, trust_remote_code=False)
        except Exception as error:  # whatever a hub, a file system or a configuration can raise
            raise EmbedderError(f"the embedder {model!r} cannot be loaded: {error}") from error
        self.name = model
        self.dimension = int(self._model.get_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `Embedder.embed`."""
        return _normalised(self._model.encode(list(texts), convert_to_numpy=True, show_progress_bar=False))

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """See `Embedder.embed_query`; a model's own query prompt is used where it has one."""
        encode = getattr(self._model, "encode_query", self._model.encode)
        vector: NDArray[np.float32] = _normalised(encode([text], convert_to_numpy=True, show_progress_bar=False))[0]
        return vector


@lru_cache(maxsize=2)
def load_embedder(model: str = DEFAULT) -> Embedder:
    """The embedder that `model` names: `static`, a sentence-transformers name, or a folder.

    Raises `EmbedderError` when it cannot be loaded.
    """
    folder = _SHIPPED if model == DEFAULT else Path(model)
    static = _static_module(folder)
    return StaticEmbedder(static) if static else SentenceTransformerEmbedder(model)


@lru_cache(maxsize=2)
def embedder_name(model: str) -> str:
    """The name of the embedder that `model` names, where that is cheaper to know than to load; see `load_embedder`."""
    static = _static_module(_SHIPPED if model == DEFAULT else Path(model))
    return weights_name(*_read_tensors(static).values()) if static else model


def weights_name(*tensors: NDArray[Any]) -> str:
    """What a static model of these tensors, as they are stored, is called."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.tobytes())
    return f"static@{digest.hexdigest()[:12]}"


def _read_tensors(folder: Path) -> dict[str, NDArray[Any]]:
    """By their names."""
    from safetensors.numpy import load_file

    try:
        tensors: dict[str, NDArray[Any]] = load_file(folder / "model.safetensors")
        restored({name: tensor[:0] for name, tensor in tensors.items()})
    except Exception as error:  # as above
        raise EmbedderError(f"the embedding model in {folder.name} cannot be loaded: {error!r}") from error
    return dict(sorted(tensors.items()))


def _static_module(folder: Path) -> Path | None:
    """The folder of the model's only module, where that is a `StaticEmbedding`."""
    try:
        modules = json.loads((folder / "modules.json").read_text())
    except OSError:
        return None
    except ValueError as error:
        raise EmbedderError(f"the embedding model in {folder.name} cannot be loaded: {error}") from error
    return (
        folder / modules[0]["path"]
        if [module["type"].endswith("StaticEmbedding") for module in modules] == [True]
        else None
    )


def _normalised(vectors: NDArray[Any]) -> NDArray[np.float32]:
    single: NDArray[np.float32] = vectors.astype(np.float32, copy=False)
    lengths = np.linalg.norm(single, axis=1, keepdims=True)
    unit: NDArray[np.float32] = single / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit
