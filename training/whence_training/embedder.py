"""The recipe of the default embedding model, from projects on disk to the folder that ships with the package.

    python -m whence_training.embedder --projects FOLDER --packages FOLDER --teacher MODEL --out FOLDER

Collect pairs, train the tokenizer, distil its tokens' vectors, train them on the pairs, measure, export. Linear, one
seed; needs the `[training]` extra. The folders hold one clone for each of `sources.SOURCES`, named `owner+name`, and
the installed `sources.PACKAGES`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from whence_indexer import extras
from whence_indexer.pairs import Pair
from whence_indexer.repository import open_repository
from whence_indexer.rounding import restored, rounded
from whence_training.pairs import collect_pairs
from whence_training.sources import HELD_OUT, PACKAGES, SOURCES, excluded
from whence_training.tokenizer import train_tokenizer

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer


@dataclass(frozen=True)
class Recipe:
    """Every number of the recipe. 29,500 tokens of 256 numbers in steps are 7.6 MB, 3.8 MB packed."""

    vocabulary: int = 29_500
    tokenizer_pairs: int = 260_000  # drawn at random; more change no token that matters
    dimension: int = 256
    epochs: float = 3.0
    batch: int = 2_048
    block: int = 512  # pairs of one project side by side in a batch: the hard negatives
    learning_rate: float = 0.01
    warm_up: float = 0.05  # share of the steps
    scale: float = 20.0  # inverse temperature of the cosine
    token_dropout: float = 0.3  # on both sides: no answer may hang on one word
    query_tokens: int = 96
    passage_tokens: int = 320
    seed: int = 0


def collect(projects: Path, packages: Path | None, seed: int) -> dict[str, list[Pair]]:
    """The pairs of every source found in the folders, by project; a source at another version is named on stderr."""
    found = [*_clones(projects), *(_installed(packages) if packages else ())]
    if not found:
        raise SystemExit(f"no clone of a source in {projects}; they are named like owner+name")
    names, folders, histories = zip(*found, strict=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        collected = pool.map(collect_pairs, folders, [seed] * len(folders), histories)
        return dict(zip(names, track(collected, "Collecting pairs", total=len(folders)), strict=True))


def train(collected: dict[str, list[Pair]], teacher: Any, recipe: Recipe, out: Path) -> dict[str, Any]:
    """Train on all projects but `HELD_OUT`, write the model to `out`, and return what was measured on those."""
    import torch
    from safetensors.numpy import save_file
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    from whence_training.distillation import token_vectors

    torch.manual_seed(recipe.seed)
    started = time.monotonic()
    projects = [project for project, found in collected.items() for _ in found]
    pairs = [pair for found in collected.values() for pair in found]
    drawn = random.Random(recipe.seed).sample(pairs, min(len(pairs), recipe.tokenizer_pairs))
    tokenizer = train_tokenizer((text for pair in drawn for text in (pair.query, pair.passage)), recipe.vocabulary)
    queries = _Texts(tokenizer, [pair.query for pair in pairs], recipe.query_tokens)
    passages = _Texts(tokenizer, [pair.passage for pair in pairs], recipe.passage_tokens)
    vectors = token_vectors(teacher, tokenizer, passages.counts(tokenizer.get_vocab_size()), recipe.dimension)
    model = StaticEmbedding(tokenizer, embedding_weights=vectors)
    held_out = np.array([project in HELD_OUT for project in projects])
    tests = [np.flatnonzero(held_out & (np.array(projects) == project)) for project in sorted(set(HELD_OUT))]
    before = _measure(model.embedding, queries, passages, tests)
    _fit(model.embedding, queries, passages, pairs, projects, np.flatnonzero(~held_out), recipe)
    after = _measure(model.embedding, queries, passages, tests)
    SentenceTransformer(modules=[model]).save_pretrained(str(out), create_model_card=False)
    tensors = rounded(model.embedding.weight.detach().numpy())
    save_file(tensors, out / "model.safetensors")
    model.embedding.weight.data = torch.from_numpy(restored(tensors))
    return {
        "pairs": dict(Counter(pair.kind for pair, held in zip(pairs, held_out, strict=True) if not held)),
        "held_out": int(held_out.sum()),
        "before": before,
        "after": after,
        "after_rounding": _measure(model.embedding, queries, passages, tests),
        "seconds": round(time.monotonic() - started),
    }


class _Texts:
    """Token ids of many texts in one array, and bags of them as `EmbeddingBag` takes them."""

    def __init__(self, tokenizer: Tokenizer, texts: Sequence[str], limit: int) -> None:
        ids = [
            np.array(encoding.ids[:limit], np.uint16)
            for start in range(0, len(texts), 10_000)
            for encoding in tokenizer.encode_batch_fast(texts[start : start + 10_000], add_special_tokens=False)
        ]
        self._ids = np.concatenate(ids)
        self._starts = np.cumsum([0, *map(len, ids)])

    def counts(self, vocabulary: int) -> NDArray[np.int64]:
        """How often each token occurs."""
        return np.bincount(self._ids, minlength=vocabulary)

    def encode(
        self,
        embedding: torch.nn.EmbeddingBag,
        chosen: NDArray[np.int64],
        dropout: float = 0.0,
        chance: np.random.Generator | None = None,
    ) -> torch.Tensor:
        """Unit vectors of the chosen texts, shape (texts, dimension), a share of each longer text's tokens left out."""
        import torch

        lengths = self._starts[chosen + 1] - self._starts[chosen]
        text = np.repeat(np.arange(len(chosen)), lengths)
        within = np.arange(len(text)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        flat = self._ids[np.repeat(self._starts[chosen], lengths) + within].astype(np.int64)
        if chance is not None:
            kept = (chance.random(len(flat)) >= dropout) | (lengths[text] <= 4)
            flat, lengths = flat[kept], np.bincount(text[kept], minlength=len(chosen))
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
        vectors = embedding(torch.from_numpy(flat), torch.from_numpy(offsets))
        return torch.nn.functional.normalize(vectors, dim=1)


def _fit(
    embedding: torch.nn.EmbeddingBag,
    queries: _Texts,
    passages: _Texts,
    pairs: Sequence[Pair],
    projects: Sequence[str],
    chosen: NDArray[np.int64],
    recipe: Recipe,
) -> None:
    """In-batch negatives, both ways: each query against all passages of its batch, each passage against all queries."""
    import torch

    chance = np.random.default_rng(recipe.seed)
    numbers = {project: number for number, project in enumerate(dict.fromkeys(projects))}
    project = np.array([numbers[name] for name in projects])
    place = _numbered(
        f"{name}/{pair.place or index}" for index, (name, pair) in enumerate(zip(projects, pairs, strict=True))
    )
    batch = min(recipe.batch, len(chosen))
    steps = max(1, int(len(chosen) / batch * recipe.epochs))
    optimizer = torch.optim.Adam(embedding.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99))
    batches = _batches(chosen, project, batch, recipe.block, chance)
    for step in track(range(steps), "Training"):
        drawn = next(batches)
        drawn = drawn[np.unique(place[drawn], return_index=True)[1]]  # two of one place are no negatives
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step / steps, recipe.warm_up)
        left = queries.encode(embedding, drawn, recipe.token_dropout, chance)
        right = passages.encode(embedding, drawn, recipe.token_dropout, chance)
        similarity = left @ right.T * recipe.scale
        target = torch.arange(len(drawn))
        loss = torch.nn.functional.cross_entropy(similarity, target)
        loss = (loss + torch.nn.functional.cross_entropy(similarity.T, target)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _batches(
    chosen: NDArray[np.int64], project: NDArray[np.int64], batch: int, block: int, chance: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """Batches without end: each epoch in another order, in blocks of one project."""
    while True:
        order = chance.permutation(chosen)
        order = order[np.argsort(project[order], kind="stable")]
        borders = np.flatnonzero(np.diff(project[order])) + 1
        blocks = [run[at : at + block] for run in np.split(order, borders) for at in range(0, len(run), block)]
        mixed = np.concatenate([blocks[index] for index in chance.permutation(len(blocks))])
        yield from (mixed[at : at + batch] for at in range(0, len(mixed) - batch + 1, batch))


def _numbered(names: Iterable[str]) -> NDArray[np.int64]:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names])


def _schedule(progress: float, warm_up: float) -> float:
    """Linear up to 1 over the warm-up, then linear down to a twentieth."""
    return progress / warm_up if progress < warm_up else 1 - 0.95 * (progress - warm_up) / (1 - warm_up)


def _measure(
    embedding: torch.nn.EmbeddingBag, queries: _Texts, passages: _Texts, tests: Sequence[NDArray[np.int64]]
) -> dict[str, float]:
    """Accuracy at 1 and mean reciprocal rank of each query's own passage among those of its project."""
    import torch

    ranks = [torch.ones(1)]
    with torch.no_grad():
        for chosen in filter(len, tests):
            similarity = queries.encode(embedding, chosen) @ passages.encode(embedding, chosen).T
            ranks.append(1.0 + (similarity > similarity.diagonal()[:, None]).sum(dim=1))
    every = torch.cat(ranks[1:] or ranks)
    return {
        "accuracy@1": round(float((every == 1).float().mean()), 4),
        "mrr": round(float((1 / every).mean()), 4),
    }


def _clones(projects: Path) -> Iterator[tuple[str, Path, bool]]:
    for source in SOURCES:
        folder = projects / source.project.replace("/", "+")
        if folder.is_dir() and not excluded(source.project):
            _note_version(source.project, source.revision, (open_repository(folder).head or "")[: len(source.revision)])
            yield source.project, folder, True


def _installed(packages: Path) -> Iterator[tuple[str, Path, bool]]:
    versions = {_normal(found.name): found.version.partition("+")[0] for found in distributions(path=[str(packages)])}
    for package in PACKAGES:
        if (packages / package.folder).is_dir() and not excluded(package.folder):
            _note_version(package.distribution, package.version, versions.get(_normal(package.distribution), "unknown"))
            yield package.distribution, packages / package.folder, False


def _normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def _note_version(name: str, expected: str, found: str) -> None:
    if expected != found:
        print(f"{name} is at {found}, not at {expected}: the model will differ", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the recipe from the command line; prints what was measured as JSON."""
    parser = argparse.ArgumentParser(prog="whence_training.embedder", description=__doc__.partition("\n")[0])
    parser.add_argument("--projects", type=Path, required=True, help="folder of clones named owner+name")
    parser.add_argument("--packages", type=Path, help="site-packages folder with the packages of the list")
    parser.add_argument("--teacher", required=True, help="sentence-transformers model to start from")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    options = parser.parse_args(arguments)
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        sys.exit(f"the recipe needs more: {extras.command('training')}")
    recipe = Recipe()
    collected = collect(options.projects, options.packages, recipe.seed)
    measured = train(collected, SentenceTransformer(options.teacher), recipe, options.out)
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
