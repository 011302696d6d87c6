"""What the indexer's stories share: an embedding model small enough to make on the spot."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers


@pytest.fixture
def tiny_embedder(tmp_path):
    """The folder of a static model with eight dimensions and a vocabulary of single letters."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    tokenizer = Tokenizer(models.WordLevel({"?": 0} | {letter: index + 1 for index, letter in enumerate(letters)}, "?"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    folder = tmp_path / "tiny" / "0_StaticEmbedding"
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    module = {"idx": 0, "name": "0", "path": folder.name, "type": "sentence_transformers.models.StaticEmbedding"}
    (folder.parent / "modules.json").write_text(json.dumps([module]))
    weights = np.random.default_rng(0).normal(size=(len(letters) + 1, 8)).astype(np.float16)
    save_file({"embedding.weight": weights}, folder / "model.safetensors")
    return str(folder.parent)
