"""Other ways to search the same checkouts: the package `semble`, whole, with Whence's token vectors or by words alone.

Optional: where the package is missing, its rows are left out and a line says so. It writes its cache into a temporary
folder only.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.checkouts import Checkout

from whence_indexer.embedder import StaticEmbedder, load_embedder
from whence_indexer.types import Hit

NAMES = ("semble, same vectors", "semble, BM25 only")


def available() -> bool:
    """Whether the package can be measured here."""
    found = find_spec("semble") is not None
    if not found:
        print("the package semble is not installed: its rows are left out", file=sys.stderr)
    return found


class Semble:
    """The package's index of one checkout, over code or over code and documentation."""

    def __init__(self, checkout: Checkout, model: Path, docs: bool) -> None:
        """Index the folder that the questions are about; `model` is a folder in model2vec's format."""
        from semble import SembleIndex
        from semble.types import ContentType

        content = [ContentType.CODE, ContentType.DOCS] if docs else [ContentType.CODE]
        root = checkout.pinned.root
        self._prefix = f"{root}/" if root else ""
        folder = checkout.repository.root / (root or "")
        self._index: Any = SembleIndex.from_path(folder, content=content, model_path=str(model))

    def hybrid(self, question: str, limit: int) -> list[Hit]:
        """As the package ranks by default."""
        return self._hits(question, limit, None)

    def lexical(self, question: str, limit: int) -> list[Hit]:
        """The same ranking without vectors."""
        return self._hits(question, limit, 0.0)

    def _hits(self, question: str, limit: int, alpha: float | None) -> list[Hit]:
        found = self._index.search(question, top_k=limit, alpha=alpha)
        chunks = [result.chunk for result in found]
        return [Hit("code", 0.0, "", self._prefix + c.file_path, c.start_line, c.end_line) for c in chunks]


@contextmanager
def model2vec_folder() -> Iterator[Path]:
    """The shipped vectors in the format that the package reads."""
    from safetensors.numpy import save_file

    embedder = load_embedder()
    assert isinstance(embedder, StaticEmbedder)
    with TemporaryDirectory(prefix="whence-bench-") as folder:
        model = Path(folder) / "model"
        model.mkdir()
        save_file({"embeddings": embedder.weights}, model / "model.safetensors")
        shutil.copyfile(embedder.folder / "tokenizer.json", model / "tokenizer.json")
        (model / "config.json").write_text(json.dumps({"normalize": True, "model_type": "model2vec"}))
        os.environ["SEMBLE_CACHE_LOCATION"] = str(Path(folder) / "cache")
        yield model
