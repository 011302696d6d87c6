"""An index's own chunks, commits and hunks -> tokenized pairs to learn from.

A commit's message is answered by the places it changed, as they were and as they are; definitions and sections by what
`pairs` makes of them. Misleading passages come from the same repository: what the embedder takes for the answer.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from whence_indexer.adaptation import Bag, Floats, Lessons, sums, unit
from whence_indexer.embedder import StaticEmbedder
from whence_indexer.holdout import Change, telling_lines
from whence_indexer.pairs import chunk_pairs, hunk_passage
from whence_indexer.types import Chunk

_HUNKS = 3  # of one commit, drawn at random
_PLACES = 2  # chunks of one changed file
_NEGATIVES = 2
_NEAREST = 40  # passages that negatives are drawn from
_MAX_PAIRS = 5_000  # from commits; bounds the time, the newest are kept

Hunks = Mapping[str, Sequence[Mapping[str, Any]]]  # rows of the hunks table by commit


@dataclass
class _Draft:
    """Pairs before they are tokenized: an answer is the number of a chunk, or a text."""

    questions: list[str] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)

    def add(self, question: str, answer: int | str, group: int) -> None:
        """One pair; questions of one group share their answers."""
        self.questions.append(question)
        self.answers.append(answer)
        self.groups.append(group)


class Material:
    """The chunks of an index as one embedder sees them: what all lessons of one run share."""

    def __init__(self, chunks: Sequence[Chunk], texts: Sequence[str], embedder: StaticEmbedder) -> None:
        """`texts` are what is embedded for `chunks`."""
        self.chunks, self.embedder = chunks, embedder
        self.bags = bags(embedder, texts)
        self.sums = sums(embedder.weights, self.bags)
        self.vectors = unit(self.sums)
        self.lines = [telling_lines(chunk.text) for chunk in chunks]
        self.places: dict[str, list[int]] = defaultdict(list)
        for number, chunk in enumerate(chunks):
            self.places[chunk.span.path].append(number)

    def lessons(self, changes: Sequence[Change], hunks: Hunks, held_out: Sequence[Change], seed: int) -> Lessons:
        """What `changes`, none of them held out, and the chunks that no held-out commit wrote at teach."""
        chance = random.Random(seed)
        asked = unit(sums(self.embedder.weights, bags(self.embedder, [change.question for change in changes])))
        draft = _Draft()
        for number, (change, vector) in enumerate(zip(changes, asked, strict=True)):
            self._add_change(draft, number, change, vector, hunks.get(change.sha, ()), chance)
        newest = slice(max(0, len(draft.questions) - _MAX_PAIRS), None)
        draft = _Draft(draft.questions[newest], draft.answers[newest], draft.groups[newest])
        self._add_chunks(draft, len(changes), _written_by(held_out, hunks), chance)
        return self._tokenized(draft, changes, seed)

    def _add_change(
        self,
        draft: _Draft,
        number: int,
        change: Change,
        vector: Floats,
        hunks: Sequence[Mapping[str, Any]],
        chance: random.Random,
    ) -> None:
        passages = [hunk_passage(hunk["path"], hunk["section"], hunk["text"]) for hunk in hunks]
        usable = [passage for passage in passages if passage]
        for passage in chance.sample(usable, min(_HUNKS, len(usable))):
            draft.add(change.question, passage, number)
        for path in sorted(change.paths):
            lines = {line for hunk in hunks if hunk["path"] == path for line in telling_lines(hunk["text"])}
            for place in self._changed_places(path, lines, vector):
                draft.add(change.question, place, number)

    def _changed_places(self, path: str, lines: set[str], vector: Floats) -> list[int]:
        """The chunks of `path` that hold most of `lines`; the one most like the message where none holds any."""
        places = self.places[path]
        shared = sorted((-len(lines & self.lines[place]), place) for place in places)
        found = [place for count, place in shared[:_PLACES] if count]
        return found or [places[int(np.argmax(self.vectors[places] @ vector))]]

    def _add_chunks(self, draft: _Draft, group: int, written: set[str], chance: random.Random) -> None:
        for chunk, lines in zip(self.chunks, self.lines, strict=True):
            if written.isdisjoint(lines):
                for pair in chunk_pairs(chunk, chance):
                    draft.add(pair.query, pair.passage, group)
                    group += 1

    def _tokenized(self, draft: _Draft, changes: Sequence[Change], seed: int) -> Lessons:
        texts = [answer for answer in draft.answers if isinstance(answer, str)]
        numbers = iter(range(len(self.bags), len(self.bags) + len(texts)))
        answers = np.array([next(numbers) if isinstance(answer, str) else answer for answer in draft.answers], np.int64)
        questions, passages = bags(self.embedder, draft.questions), [*self.bags, *bags(self.embedder, texts)]
        groups = np.array(draft.groups, np.int64)
        negatives = self._negatives(questions, groups, changes, seed)
        kept = np.array([bool(len(questions[i]) and len(passages[answers[i]])) for i in range(len(questions))], bool)
        return Lessons(
            [question for question, keep in zip(questions, kept, strict=True) if keep],
            answers[kept],
            groups[kept],
            negatives[kept],
            passages,
        )

    def _negatives(
        self, questions: Sequence[Bag], groups: NDArray[np.int64], changes: Sequence[Change], seed: int
    ) -> NDArray[np.int64]:
        """For each question of a commit, chunks near it of files that the commit did not change."""
        chance = np.random.default_rng(seed)
        negatives = np.full((len(questions), _NEGATIVES), -1, np.int64)
        vectors = unit(sums(self.embedder.weights, questions))
        nearest = min(_NEAREST, len(self.chunks))
        for row, group in enumerate(groups):
            if group < len(changes) and len(self.chunks) > nearest:
                near = np.argpartition(-(self.vectors @ vectors[row]), nearest)[:nearest]
                wrong = [place for place in near if self.chunks[place].span.path not in changes[group].paths]
                drawn = chance.permutation(wrong)[:_NEGATIVES]
                negatives[row, : len(drawn)] = drawn
        return negatives


def bags(embedder: StaticEmbedder, texts: Sequence[str]) -> list[Bag]:
    """The token ids of each text."""
    return [np.array(tokens, np.int32) for tokens in embedder.tokens(texts)]


def _written_by(changes: Sequence[Change], hunks: Hunks) -> set[str]:
    return {line for change in changes for hunk in hunks.get(change.sha, ()) for line in telling_lines(hunk["text"])}
