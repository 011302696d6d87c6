"""Where the reader's weights start: not from noise, but near what reading needs, so that a CPU suffices to train it.

Tokens of like meaning begin with like vectors, taken from the embedding model that ships. Attention begins as likeness
of content (mimetic initialisation, Trockman and Kolter 2023), in those dimensions that the rotation by position hardly
turns; one head of the first layer looks at the token before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from whence_indexer.embedder import load_embedder

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

_LENGTH = 0.6  # of a token's vector
_IDENTITY = 0.6  # share of a vector that no other token has: "The" is not "the"
_LIKENESS = 0.07  # standard deviation that gives a token and itself a logit of about 5
_BEFORE, _BEFORE_PAIRS = 8.0, 6  # strength of looking back, and how many pairs of dimensions it takes


def warm_start(model: Any, tokenizer: Tokenizer, seed: int) -> None:
    """Set the weights of a new `Qwen2ForCausalLM`, in place."""
    import torch

    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        embedding = model.model.embed_tokens.weight
        embedding.copy_(torch.from_numpy(_token_vectors(tokenizer, embedding.shape[1], seed)))
        for number, layer in enumerate(model.model.layers):
            _likeness(layer.self_attn, model.config, chance)
            if number == 0:
                _look_back(layer.self_attn, model.config)


def _token_vectors(tokenizer: Tokenizer, width: int, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    texts = [tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size())]
    meaning = load_embedder().embed(texts)
    random = np.random.default_rng(seed).standard_normal((len(texts), width))
    own = random / np.linalg.norm(random, axis=1, keepdims=True)
    shared = np.zeros_like(own)
    taken = min(width, meaning.shape[1])
    shared[:, :taken] = meaning[:, :taken]
    mixed = _IDENTITY * own + (1 - _IDENTITY) * shared / max(float(np.linalg.norm(shared, axis=1).max()), 1e-6)
    vectors: np.ndarray[Any, np.dtype[np.float32]] = (
        _LENGTH * mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    ).astype(np.float32)
    return vectors


def _likeness(attention: Any, config: Any, chance: torch.Generator) -> None:
    """Queries and keys that are the same projection, in the dimensions that turn slowly."""
    import torch

    size = config.hidden_size // config.num_attention_heads
    shared = config.num_attention_heads // config.num_key_value_heads
    half = size // 2
    slow = torch.cat([torch.arange(half // 2, half), torch.arange(half + half // 2, size)])
    for head in range(config.num_key_value_heads):
        projection = torch.randn(len(slow), config.hidden_size, generator=chance) * _LIKENESS
        attention.k_proj.weight[head * size + slow] = projection
        for query in range(head * shared, (head + 1) * shared):
            attention.q_proj.weight[query * size + slow] = projection


def _look_back(attention: Any, config: Any) -> None:
    """The first head sees the token before, whatever either is: by biases, which the rotation turns alone."""
    import torch

    size = config.hidden_size // config.num_attention_heads
    half, shared = size // 2, config.num_attention_heads // config.num_key_value_heads
    turns = config.rope_parameters["rope_theta"] ** (-torch.arange(_BEFORE_PAIRS) * 2.0 / size)
    attention.k_proj.weight[:size] = 0
    attention.k_proj.bias[:_BEFORE_PAIRS] = _BEFORE
    for start in range(0, shared * size, size):
        attention.q_proj.weight[start : start + size] = 0
        attention.q_proj.bias[start : start + _BEFORE_PAIRS] = _BEFORE * torch.cos(turns)
        attention.q_proj.bias[start + half : start + half + _BEFORE_PAIRS] = -_BEFORE * torch.sin(turns)
