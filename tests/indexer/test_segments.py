"""The words of texts come back from segments as they went in, however they were cut, merged and thinned out."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whence_indexer import segments
from whence_indexer.bm25 import K1, B, WordScorer
from whence_indexer.errors import DamagedError
from whence_indexer.segments import Bags, Segment, SegmentFolder, key, merge

TEXTS = st.lists(st.lists(st.sampled_from("abcdefg"), max_size=8).map(" ".join), max_size=12)


def segment(texts):
    bags = Bags()
    for text in texts:
        bags.add(text)
    return bags.segment()


def keys(texts):
    return np.array([key(text) for text in texts], np.uint64)


def bm25(texts, words):
    """The textbook's formula, one text and one word after the other; a word counts three times at most."""
    counts = [Counter(text.split()) for text in texts]
    known = dict(zip(texts, counts, strict=True))
    mean = max(sum(each.total() for each in known.values()) / max(len(known), 1), 1)
    scores = np.zeros(len(texts))
    for word in words:
        holding = sum(word in each for each in known.values())
        rarity = math.log(1 + (len(known) - holding + 0.5) / (holding + 0.5))
        for row, each in enumerate(counts):
            count = min(each[word], 3)
            scores[row] += rarity * count * (K1 + 1) / (count + K1 * (1 - B + B * each.total() / mean))
    return scores


@given(TEXTS, st.lists(st.sampled_from("abcdefgh"), unique=True))
def test_scores_are_those_of_the_formula(texts, words):
    texts = list(dict.fromkeys(texts))
    scores = WordScorer([segment(texts)], keys(texts)).scores(words)
    assert scores == pytest.approx(bm25(texts, words), rel=1e-5)


@given(st.lists(TEXTS, max_size=5), st.data())
def test_gone_texts_and_merging_change_no_score(parts, data):
    parts = [list(dict.fromkeys(part)) for part in parts]
    everything = list(dict.fromkeys(text for part in parts for text in part))
    live = data.draw(st.lists(st.sampled_from(everything), unique=True)) if everything else []
    written = [segment(part) for part in parts]
    replaced, merged = merge(written, keys(live))
    kept = [each for place, each in enumerate(written) if place not in replaced]
    words = list("abcdefgh")
    expected = WordScorer(written, keys(live)).scores(words)
    assert expected == pytest.approx(bm25(live, words), rel=1e-5)
    assert WordScorer([*kept, *merged], keys(live)).scores(words) == pytest.approx(expected, rel=1e-5)


def test_equal_rows_score_alike():
    scores = WordScorer([segment(["red apple", "red apple", "pear"])], keys(["red apple", "pear", "red apple"]))
    first, other, second = scores.scores(["apple"])
    assert first == second > other == 0
    assert scores.counts(["apple", "pear", "plum"]) == [1, 1, 0]


def test_full_segments_are_left_alone_and_worn_ones_are_not(monkeypatch, tmp_path):
    monkeypatch.setattr(segments, "CAPACITY", 4)
    folder = SegmentFolder(tmp_path, {})
    folder.add("notes", [f"word{number}" for number in range(10)])
    folder.write()
    full, other, _ = folder.names["notes"]
    folder.merge("notes", keys([f"word{number}" for number in (0, 1, 2, 4, 8)]))
    assert folder.names["notes"][0] == full
    assert other not in folder.names["notes"]
    assert len(folder.names["notes"]) == 2
    folder.remove_others()
    assert {path.name for path in tmp_path.iterdir()} == set(folder.names["notes"])
    folder.merge("notes", keys([]))
    assert folder.names["notes"] == []


def test_a_segment_is_read_as_it_was_written(tmp_path):
    segment(["red apple", "", "apple apple pear"]).write(tmp_path / "segment")
    scores = WordScorer([Segment.read(tmp_path / "segment")], keys(["", "apple apple pear"])).scores(["apple"])
    assert scores[0] == 0 < scores[1]


def test_a_row_without_words_in_any_segment_is_damage():
    with pytest.raises(DamagedError, match="words are missing"):
        WordScorer([segment(["apple"])], keys(["pear"]))
    with pytest.raises(DamagedError, match="words are missing"):
        WordScorer([], keys(["pear"]))


def test_a_text_that_comes_again_and_again_is_kept_once():
    written = [segment(["a b", "c d", f"e{number}"]) for number in range(40)]
    live = ["a b", "c d", "e39"]
    _, merged = merge(written, keys(live))
    assert sum(len(each.keys) for each in merged) == 3
    assert WordScorer(merged, keys(live)).scores(["a", "d"]) == pytest.approx(bm25(live, ["a", "d"]), rel=1e-5)
