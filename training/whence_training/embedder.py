"""The recipe of the default embedding model, from projects on disk to the folder that ships with the package.

    python -m whence_training.embedder --projects FOLDER --teacher MODEL --out FOLDER

Collect pairs, train the tokenizer, distil its tokens' vectors, train them on the pairs, measure, export. Linear, one
seed; needs the `[training]` extra. FOLDER holds one clone for each of `sources.SOURCES`, named `owner+name`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.progress import track

from whence_training.pairs import Pair, collect_pairs
from whence_training.sources import SOURCES, excluded
from whence_training.tokenizer import train_tokenizer

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class Recipe:
    """Every number of the recipe. 29,500 tokens of 256 half-precision numbers are 15.1 MB."""

    vocabulary: int = 29_500
    dimension: int = 256
    epochs: float = 4.0
    batch: int = 1_024
    learning_rate: float = 0.01
    warm_up: float = 0.1  # share of the steps
    scale: float = 20.0  # inverse temperature of the cosine
    token_dropout: float = 0.3  # on both sides: no answer may hang on one word
    query_tokens: int = 96
    passage_tokens: int = 320
    held_out: int = 2_000  # pairs
    seed: int = 0


def collect(projects: Path, seed: int) -> list[Pair]:
    """The pairs of all sources found in `projects`, those of an excluded name left out, shuffled."""
    folders = [projects / source.project.replace("/", "+") for source in SOURCES]
    present = [folder for folder in folders if folder.is_dir() and not excluded(folder.name.partition("+")[2])]
    if not present:
        raise SystemExit(f"no clone of a source in {projects}; they are named like {folders[0].name}")
    pairs: list[Pair] = []
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found in track(pool.map(collect_pairs, present), "Collecting pairs", total=len(present)):
            pairs += found
    random.Random(seed).shuffle(pairs)
    return pairs


def train(pairs: Sequence[Pair], teacher: Any, recipe: Recipe, out: Path) -> dict[str, Any]:
    """Train on `pairs`, write the model to `out`, and return what was measured on the pairs held out."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    from whence_training.distillation import token_vectors

    torch.manual_seed(recipe.seed)
    started = time.monotonic()
    tokenizer = train_tokenizer((text for pair in pairs for text in (pair.query, pair.passage)), recipe.vocabulary)
    queries = _token_ids(tokenizer, [pair.query for pair in pairs], recipe.query_tokens)
    passages = _token_ids(tokenizer, [pair.passage for pair in pairs], recipe.passage_tokens)
    vectors = token_vectors(teacher, tokenizer, _counts(passages, tokenizer), recipe.dimension)
    model = StaticEmbedding(tokenizer, embedding_weights=vectors)
    held_out = recipe.held_out if len(pairs) > 2 * recipe.held_out else len(pairs) // 10
    before = _measure(model.embedding, queries[:held_out], passages[:held_out])
    _fit(model.embedding, queries[held_out:], passages[held_out:], recipe)
    after = _measure(model.embedding, queries[:held_out], passages[:held_out])
    model.embedding.half()
    SentenceTransformer(modules=[model]).save_pretrained(str(out), create_model_card=False)
    return {
        "pairs": dict(Counter(pair.kind for pair in pairs)),
        "held_out": held_out,
        "before": before,
        "after": after,
        "after_half_precision": _measure(model.embedding.float(), queries[:held_out], passages[:held_out]),
        "seconds": round(time.monotonic() - started),
    }


def _fit(embedding: torch.nn.EmbeddingBag, queries: list[list[int]], passages: list[list[int]], recipe: Recipe) -> None:
    """In-batch negatives, both ways: each query against all passages of its batch, each passage against all queries."""
    import torch

    chance = random.Random(recipe.seed)
    batch = min(recipe.batch, len(queries))
    steps = max(1, int(len(queries) / batch * recipe.epochs))
    optimizer = torch.optim.Adam(embedding.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99))
    target = torch.arange(batch)
    order: list[int] = []
    for step in track(range(steps), "Training"):
        if len(order) < batch:
            order = chance.sample(range(len(queries)), len(queries))
        drawn, order = order[:batch], order[batch:]
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step / steps, recipe.warm_up)
        left = _encode(embedding, [_dropped(queries[index], recipe.token_dropout, chance) for index in drawn])
        right = _encode(embedding, [_dropped(passages[index], recipe.token_dropout, chance) for index in drawn])
        similarity = left @ right.T * recipe.scale
        loss = torch.nn.functional.cross_entropy(similarity, target)
        loss = (loss + torch.nn.functional.cross_entropy(similarity.T, target)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _schedule(progress: float, warm_up: float) -> float:
    """Linear up to 1 over the warm-up, then linear down to a twentieth."""
    return progress / warm_up if progress < warm_up else 1 - 0.95 * (progress - warm_up) / (1 - warm_up)


def _dropped(ids: list[int], rate: float, chance: random.Random) -> list[int]:
    kept = [token for token in ids if chance.random() >= rate] if len(ids) > 4 else ids
    return kept or ids


def _encode(embedding: torch.nn.EmbeddingBag, texts: list[list[int]]) -> torch.Tensor:
    """Unit vectors, shape (texts, dimension); the mean of no tokens is zero."""
    import torch

    offsets = np.cumsum([0, *map(len, texts[:-1])])
    flat = torch.tensor([token for ids in texts for token in ids], dtype=torch.long)
    return torch.nn.functional.normalize(embedding(flat, torch.from_numpy(offsets)), dim=1)


def _measure(embedding: torch.nn.EmbeddingBag, queries: list[list[int]], passages: list[list[int]]) -> dict[str, float]:
    """Accuracy at 1 and mean reciprocal rank of each query's own passage among all."""
    import torch

    with torch.no_grad():
        similarity = _encode(embedding, queries) @ _encode(embedding, passages).T
    own = similarity.diagonal()[:, None]
    ranks = 1 + (similarity > own).sum(dim=1)
    return {
        "accuracy@1": round(float((ranks == 1).float().mean()), 4),
        "mrr": round(float((1 / ranks.float()).mean()), 4),
    }


def _token_ids(tokenizer: Tokenizer, texts: list[str], limit: int) -> list[list[int]]:
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    return [encoding.ids[:limit] for encoding in encodings]


def _counts(texts: list[list[int]], tokenizer: Tokenizer) -> np.ndarray:
    flat = np.fromiter((token for ids in texts for token in ids), np.int64)
    return np.bincount(flat, minlength=tokenizer.get_vocab_size())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the recipe from the command line; prints what was measured as JSON."""
    parser = argparse.ArgumentParser(prog="whence_training.embedder", description=__doc__.partition("\n")[0])
    parser.add_argument("--projects", type=Path, required=True, help="folder of clones named owner+name")
    parser.add_argument("--teacher", required=True, help="sentence-transformers model to start from")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    options = parser.parse_args(arguments)
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        sys.exit("the recipe needs an extra: pip install 'whence[training]'")
    recipe = Recipe()
    pairs = collect(options.projects, recipe.seed)
    measured = train(pairs, SentenceTransformer(options.teacher), recipe, options.out)
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
