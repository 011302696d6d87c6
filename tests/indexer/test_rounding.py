"""Weights in steps: little is lost, what is lost is bounded, and what holds none is said to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file

from whence_indexer.embedder import StaticEmbedder
from whence_indexer.errors import EmbedderError
from whence_indexer.rounding import WEIGHTS, restored, rounded


@given(arrays(np.float32, (3, 8), elements=st.floats(-4, 4, width=16)))
def test_no_number_is_further_off_than_half_a_step(weights):
    tensors = rounded(weights)
    assert (tensors["embedding.steps"].dtype, tensors["embedding.step"].dtype) == (np.int8, np.float16)
    step = tensors["embedding.step"].astype(np.float32)
    assert (np.abs(restored(tensors) - weights) <= step * 0.51).all()


def test_what_is_not_rounded_is_as_it_was():
    weights = np.ones((2, 4), np.float16)
    assert (restored({WEIGHTS: weights}) == weights).all()


def test_a_file_without_weights_is_no_model(tmp_path):
    save_file({"other": np.zeros(3)}, tmp_path / "model.safetensors")
    with pytest.raises(EmbedderError, match="cannot be loaded"):
        StaticEmbedder(tmp_path)
