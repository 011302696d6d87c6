"""The whole recipe in miniature: pairs, tokenizer, distillation, training, export, and back through both readers."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from whence_indexer.embedder import StaticEmbedder
from whence_indexer.pairs import Pair
from whence_indexer.rounding import WEIGHTS, restored
from whence_training.sources import HELD_OUT
from whence_training.tokenizer import train_tokenizer

TOPICS = "cache queue socket parser logger router session cookie thread buffer token schema index vector".split()


def test_the_tokenizer_splits_identifiers():
    tokenizer = train_tokenizer(["get HTTP response v utf size of file"] * 50, 200)
    tokens = "".join(tokenizer.encode("getHTTPResponse_v2").tokens).replace("##", "")
    assert tokens == "gethttpresponsev[UNK]"
    plain = tokenizer.encode("get http response v 2", add_special_tokens=False).ids
    assert tokenizer.encode("getHTTPResponse_v2", add_special_tokens=False).ids == plain


def _pair(topic, verb):
    passage = f"src/{topic}.py > {verb}\ndef {verb}_{topic}(): return {topic}.{verb}()"
    return Pair("doc", f"how does the {topic} {verb} work", passage)


class Teacher:
    """Stands for a transformer: a fixed random vector for each token."""

    def encode(self, tokens, **options):
        return np.random.default_rng(0).normal(size=(len(tokens), 32)).astype(np.float32)


def test_a_trained_model_reads_the_same_with_and_without_torch(tmp_path: Path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    from whence_training.embedder import Recipe, train

    learned = [_pair(topic, verb) for topic in TOPICS for verb in ("open", "close", "write", "flush")]
    held_out = [_pair(topic, "fill") for topic in TOPICS]
    recipe = Recipe(vocabulary=300, dimension=16, epochs=30, batch=16)
    measured = train({"seen": learned, min(HELD_OUT): held_out}, Teacher(), recipe, tmp_path / "model")
    assert measured["after"]["mrr"] > measured["before"]["mrr"]
    # Of sixteen dimensions steps take more than of 256: what was learnt is there still.
    assert measured["after_rounding"]["mrr"] > measured["before"]["mrr"]

    texts = ["def open_cache(): return cache.open()", "how does the session flush work"]
    ours = StaticEmbedder(tmp_path / "model").embed(texts)
    file = tmp_path / "model" / "model.safetensors"
    save_file({WEIGHTS: restored(load_file(file))}, file)
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path / "model")).encode(texts, normalize_embeddings=True)
    assert np.abs(ours - theirs).max() < 1e-3
