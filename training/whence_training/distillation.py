"""Where a static model starts: each token's vector in a transformer, fewer dimensions, rare tokens heavier.

After model2vec (MinishLab): encode every token by itself, reduce by principal components, weigh by inverse frequency.
From random vectors and the same pairs the model was clearly worse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

_SMOOTHING = 1e-3  # of the smooth inverse frequency a / (a + p) by Arora et al. 2017


def token_vectors(
    teacher: SentenceTransformer, tokenizer: Tokenizer, counts: NDArray[np.int64], dimension: int
) -> NDArray[np.float32]:
    """Vectors of shape (tokens, dimension); `counts` says how often each token occurs in the passages."""
    vocabulary = tokenizer.get_vocab()
    tokens = [token.replace("##", "") for token in sorted(vocabulary, key=vocabulary.__getitem__)]
    encoded = teacher.encode(tokens, batch_size=512, show_progress_bar=True, convert_to_numpy=True)
    centred = encoded - encoded.mean(axis=0)
    _, _, components = np.linalg.svd(centred, full_matrices=False)
    reduced = centred @ components[:dimension].T
    lengths = np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-6)
    frequency = counts / max(int(counts.sum()), 1)
    weights = _SMOOTHING / (_SMOOTHING + frequency)
    vectors: NDArray[np.float32] = (reduced / lengths * weights[:, None]).astype(np.float32)
    return vectors
