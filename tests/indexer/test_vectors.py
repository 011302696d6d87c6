"""The nearest vectors are found, exactly where few are compared, and almost always where the signs choose."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer import vectors
from whence_indexer.vectors import Vectors


def some(count, dimension, seed=0):
    return np.random.default_rng(seed).integers(-127, 128, (count, dimension), dtype=np.int8)


def unit(values):
    return (values / np.linalg.norm(values)).astype(np.float32)


def true_cosines(values, question):
    single = values.astype(np.float64)
    return single @ question / np.maximum(np.linalg.norm(single, axis=1), 1)


@given(st.integers(0, 40), st.sampled_from([8, 64, 100, 256]), st.integers(1, 50), st.data())
def test_few_vectors_are_compared_exactly(count, dimension, wanted, data):
    values = some(count, dimension)
    allowed = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)
    question = unit(some(1, dimension, seed=1)[0])
    rows, cosines = Vectors.of(values).nearest(question, wanted, allowed)
    expected = np.sort(true_cosines(values, question)[allowed])[::-1][:wanted]
    assert np.allclose(np.sort(cosines)[::-1], expected, atol=1e-5)
    assert allowed[rows].all()


def test_the_shortlist_holds_what_is_near(monkeypatch):
    monkeypatch.setattr(vectors, "SHORTLIST", 200)
    values = some(5_000, 256)
    question = unit(values[17].astype(np.float32) + some(1, 256, seed=1)[0])
    rows, cosines = Vectors.of(values).nearest(question, 10)
    assert rows[np.argmax(cosines)] == 17
    best = set(np.argsort(-true_cosines(values, question))[:10].tolist())
    assert len(best & set(rows.tolist())) >= 8


def test_a_narrow_search_finds_its_nearest_among_many(monkeypatch):
    monkeypatch.setattr(vectors, "SHORTLIST", 200)
    values, allowed = some(5_000, 256), np.zeros(5_000, bool)
    allowed[::50] = True
    question = unit(values[17].astype(np.float32))
    rows, _ = Vectors.of(values).nearest(question, 100, allowed)
    assert set(rows.tolist()) == set(range(0, 5_000, 50))


def test_a_vector_of_zeros_is_like_nothing():
    assert Vectors.of(np.zeros((3, 8), np.int8)).cosines(unit(np.ones(8)), np.arange(3)).tolist() == [0, 0, 0]
