"""Which texts hold which words, in files that never change.

A segment holds the words of at most `CAPACITY` texts and is read through a memory map. A text is known by its key; the
texts of rows that are gone stay until segments are merged. Scores nothing; which files count is for the store to say.
"""

from __future__ import annotations

import mmap
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from whence_indexer.errors import DamagedError

CAPACITY = 1 << 14  # texts of a segment: a posting is a text's number and a word's count, 14 and 2 bits
COUNTS = 4
_LONGEST = (1 << 16) - 1
_HEADER = 3 * 8


@lru_cache(maxsize=1 << 16)
def key(text: str) -> int:
    """64 bits that stand for a word or for all words of a text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Segment:
    """Texts by number: their `keys` and `lengths` in words. Words by key, ascending: `starts` of each in `postings`.

    A posting is the number of a text times four plus how often it holds the word, at most three times.
    """

    keys: NDArray[np.uint64]
    words: NDArray[np.uint64]
    starts: NDArray[np.uint32]
    lengths: NDArray[np.uint16]
    postings: NDArray[np.uint16]

    def write(self, path: Path) -> None:
        """Make the file."""
        sizes = np.array([len(self.keys), len(self.words), len(self.postings)], np.int64)
        with path.open("wb") as file:
            for part in (sizes, self.keys, self.words, self.starts, self.lengths, self.postings):
                file.write(part.tobytes())

    @classmethod
    def read(cls, path: Path) -> Segment:
        """Map the file. Raises `DamagedError` when it is missing or not as it was written."""
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, ValueError) as error:
            raise DamagedError(f"the index is damaged: {path.name} is missing or empty") from error
        texts, words, postings = np.frombuffer(data, np.int64, 3).tolist() if len(data) >= _HEADER else (0, 0, 0)
        counts = (texts, words, words + 1, texts, postings)
        types = (np.uint64, np.uint64, np.uint32, np.uint16, np.uint16)
        ends = np.cumsum(
            [_HEADER, *(count * np.dtype(kind).itemsize for count, kind in zip(counts, types, strict=True))]
        )
        if len(data) != ends[-1]:
            raise DamagedError(f"the index is damaged: {path.name} has not its size")
        return cls(*(np.frombuffer(data, *part) for part in zip(types, counts, ends.tolist(), strict=False)))

    def without(self, live: NDArray[np.bool_]) -> _Loose:
        """What it holds of the texts marked `live`, to be packed anew."""
        number = np.cumsum(live) - 1
        texts = self.postings >> 2
        kept = live[texts]
        postings = number[texts[kept]] * COUNTS + (self.postings[kept] & 3)
        words = np.repeat(self.words, np.diff(self.starts))[kept]
        return _Loose(self.keys[live], self.lengths[live], words, postings.astype(np.uint32))


@dataclass(frozen=True)
class _Loose:
    """The contents of a segment, its postings beside their words in the order of the texts."""

    keys: NDArray[np.uint64]
    lengths: NDArray[np.uint16]
    words: NDArray[np.uint64]
    postings: NDArray[np.uint32]


class Bags:
    """Texts on their way into a segment."""

    def __init__(self) -> None:
        self._keys, self._lengths = array("Q"), array("H")
        self._words, self._postings = array("Q"), array("H")

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, bag: str) -> int:
        """Take a text as its words between spaces; its key."""
        counts = Counter(bag.split(" ")) if bag else Counter()
        number, name = len(self._keys) * COUNTS, key(bag)
        self._keys.append(name)
        self._lengths.append(min(counts.total(), _LONGEST))
        self._words.extend(map(key, counts))
        self._postings.extend(number + min(count, COUNTS - 1) for count in counts.values())
        return name

    def segment(self) -> Segment:
        """All of it."""
        words, postings = np.array(self._words, np.uint64), np.array(self._postings, np.uint32)
        return _packed([_Loose(np.array(self._keys, np.uint64), np.array(self._lengths, np.uint16), words, postings)])


def merge(segments: Sequence[Segment], live: NDArray[np.uint64]) -> tuple[list[int], list[Segment]]:
    """(places of the segments to replace, what replaces them), so that little is left of texts not in `live`.

    Of equal texts only the last is live. A segment more than half full of live texts stays as it is.
    """
    seen = _last_of_each(segments, live)
    worn = [place for place, marks in enumerate(seen) if 2 * marks.sum() <= CAPACITY]
    if len(worn) == 1 and seen[worn[0]].all():
        return [], []
    groups: list[list[_Loose]] = [[]]
    for place in worn:
        rest = segments[place].without(seen[place])
        if sum(len(part.keys) for part in groups[-1]) + len(rest.keys) > CAPACITY:
            groups.append([])
        groups[-1].append(rest)
    return worn, [segment for segment in map(_packed, groups) if len(segment.keys)]


def _last_of_each(segments: Sequence[Segment], live: NDArray[np.uint64]) -> list[NDArray[np.bool_]]:
    """Which texts of each segment are in `live` and have no equal after them."""
    keys = np.concatenate([np.zeros(0, np.uint64), *(segment.keys for segment in segments)])
    marks = np.zeros(len(keys), bool)
    _, from_the_end = np.unique(keys[::-1], return_index=True)
    marks[len(keys) - 1 - from_the_end] = True
    marks &= np.isin(keys, live)
    return np.split(marks, np.cumsum([len(segment.keys) for segment in segments])[:-1])


def _packed(parts: Sequence[_Loose]) -> Segment:
    offsets = np.cumsum([0, *(len(part.keys) for part in parts)]) * COUNTS
    words = np.concatenate([np.zeros(0, np.uint64), *(part.words for part in parts)])
    postings = [part.postings + offset for part, offset in zip(parts, offsets.tolist(), strict=False)]
    order = np.argsort(words, kind="stable")
    found, starts = np.unique(words[order], return_index=True)
    return Segment(
        np.concatenate([np.zeros(0, np.uint64), *(part.keys for part in parts)]),
        found,
        np.append(starts, len(words)).astype(np.uint32),
        np.concatenate([np.zeros(0, np.uint16), *(part.lengths for part in parts)]),
        np.concatenate([np.zeros(0, np.uint32), *postings])[order].astype(np.uint16),
    )


class SegmentFolder:
    """The segments of the tables of one index, being written. `names` are the files that count, of each table."""

    def __init__(self, folder: Path, names: Mapping[str, Sequence[str]]) -> None:
        """Continue from the files `names` and remove all others: a killed writer left them."""
        self._folder, self._waiting = folder, dict[str, Bags]()
        self.names = {table: list(files) for table, files in names.items()}
        self.remove_others()

    def add(self, table: str, bags: Iterable[str]) -> list[int]:
        """Take texts, each as its words between spaces; their keys."""
        keys = []
        for bag in bags:
            waiting = self._waiting.setdefault(table, Bags())
            keys.append(waiting.add(bag))
            if len(waiting) == CAPACITY:
                self._write(table)
        return keys

    def write(self) -> None:
        """Write what was added."""
        for table in list(self._waiting):
            self._write(table)

    def merge(self, table: str, live: NDArray[np.uint64]) -> None:
        """Replace small and worn segments by fewer, holding only texts with `live` keys."""
        files = self.names.get(table, [])
        replaced, merged = merge([Segment.read(self._folder / file) for file in files], live)
        self.names[table] = [file for place, file in enumerate(files) if place not in replaced]
        self._keep(table, merged)

    def forget(self, table: str) -> None:
        """Leave a table out."""
        self._waiting.pop(table, None)
        self.names.pop(table, None)

    def remove_others(self) -> None:
        """Delete all files that do not count."""
        counting = {file for files in self.names.values() for file in files}
        for path in self._folder.glob("*"):
            if path.name not in counting:
                path.unlink()

    def _write(self, table: str) -> None:
        self._keep(table, [self._waiting.pop(table).segment()])

    def _keep(self, table: str, segments: Sequence[Segment]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for segment in segments:
            file = f"{table}-{uuid4().hex[:12]}"  # never used before: a reader of an older state may look for that one
            segment.write(self._folder / file)
            self.names.setdefault(table, []).append(file)
