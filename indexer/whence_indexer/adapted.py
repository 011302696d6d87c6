"""The adapted model of an index: a folder in the sentence-transformers format, inside the index.

Its name tells the base it was made from and its own digest. Where it cannot be used, the base is. Trains nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from whence_indexer.adaptation import Floats
from whence_indexer.embedder import Embedder, StaticEmbedder, embedder_name, load_embedder, weights_name
from whence_indexer.errors import EmbedderError
from whence_indexer.store import Store

_FOLDER = "adapted"
_MEASURED = "adaptation.json"
_CONFIG = "config_sentence_transformers.json"
_MODULE = "sentence_transformers.sentence_transformer.modules.static_embedding.StaticEmbedding"


def open_embedder(store: Store) -> Embedder:
    """The embedder that questions to this index are embedded with; the base where the adapted model is unusable."""
    return index_embedder(store.folder, store.state.model, store.state.adapted)[0]


def index_embedder(folder: Path, model: str, adapted: str) -> tuple[Embedder, str]:
    """The embedder for the index in `folder`, and `adapted` again if it is that; else `model`, the base, and ''.

    An adapted model is used as long as the base it was made from is the one that `model` names today.
    """
    if adapted and adapted.startswith(_prefix(embedder_name(model))) and (folder / _FOLDER / adapted).is_dir():
        try:
            return load_embedder(str(folder / _FOLDER / adapted)), adapted
        except EmbedderError:
            pass  # it can be made again; search goes on with the base
    return load_embedder(model), ""


def save_adapted(folder: Path, base: StaticEmbedder, weights: Floats, measured: Mapping[str, Any]) -> str:
    """Write the model made of `base` and `weights` into the index in `folder`; its name."""
    half = weights.astype(np.float16)
    name = _prefix(base.name) + weights_name(half).partition("@")[2]
    draft = folder / _FOLDER / f"{name}.new"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    _write_model(draft, base, half)
    (draft / _MEASURED).write_text(json.dumps(measured))
    final = folder / _FOLDER / name
    shutil.rmtree(final, ignore_errors=True)
    draft.replace(final)
    return name


def read_measured(folder: Path, name: str) -> dict[str, Any]:
    """What was measured when the model `name` was made; {} where that is unknown."""
    try:
        measured: dict[str, Any] = json.loads((folder / _FOLDER / name / _MEASURED).read_text())
    except (OSError, ValueError):
        return {}
    return measured if isinstance(measured, dict) else {}


def remove_adapted(folder: Path, but: str = "") -> None:
    """Remove every adapted model of the index in `folder` but one."""
    for model in (folder / _FOLDER).glob("*"):
        if model.is_dir() and model.name != but:
            shutil.rmtree(model, ignore_errors=True)


def _write_model(folder: Path, base: StaticEmbedder, weights: np.ndarray) -> None:
    from safetensors.numpy import save_file

    save_file({"embedding.weight": weights}, folder / "model.safetensors")
    shutil.copyfile(base.folder / "tokenizer.json", folder / "tokenizer.json")
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": _MODULE}]))
    if (base.folder / _CONFIG).is_file():
        shutil.copyfile(base.folder / _CONFIG, folder / _CONFIG)


def _prefix(base: str) -> str:
    return base.replace("@", "-") + "-adapted-"
