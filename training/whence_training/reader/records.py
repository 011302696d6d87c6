"""A project -> questions about its passages with the sentence that answers, as a reader is asked when it serves.

A question comes from the name of a documented definition, from a heading, or from words of the sentence itself; the
other passages are those of the project that share the most words with it. Where nothing answers, the answer is that it
does not know. Pure given the folder: one seed, no state.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from whence_indexer.chunker import chunk_file
from whence_indexer.comments import documentation, is_prose
from whence_indexer.errors import WhenceError
from whence_indexer.files import list_files, read_text
from whence_indexer.pairs import definition_name
from whence_indexer.query import parse_query
from whence_indexer.repository import Repository, open_repository
from whence_indexer.terms import split_name, words
from whence_indexer.types import Chunk, Hit
from whence_server.generation.prompt import UNKNOWN
from whence_server.generation.quoting import Sentence, offered
from whence_server.passages import Passage, best_passage, sentences
from whence_training.sources import excluded

MAX_FILES = 240  # of one project, half of them documentation where it has so many
MAX_RECORDS = 1_600
_PASSAGES = (2, 3, 3, 4, 5, 6, 8)
_LINES = (4, 6, 8, 12)
_UNANSWERABLE = 0.15
_CONSIDERED = 400  # chunks that hold a rare word of the question; more change no ranking that matters
_INFLECTED = re.compile(r"(?<=\w{4})(?:ing|ed|es|s)$")
ABOUT_NAME = (
    "what does {} do", "What does {} do?", "what is {}", "What is the purpose of {}?", "{}", "how does {} work?",
    "how {} works", "What is {} for?", "when should I use {}?", "explain {}",
)  # fmt: skip
ABOUT_WORDS = (
    "{}", "{}?", "what about {}", "how does {} work?", "What happens with {}?", "how is {} handled?",
    "is {} supported?", "what is {}", "when {}?", "why {}?", "how to {}", "Where is it said that {}?", "Can I {}?",
    "tell me about {}",
)  # fmt: skip
_ABOUT_HEADING = ("{}", "{}?", "how does {} work?", "what is {}", "how to use {}", "What is said about {}?")


@dataclass(frozen=True, slots=True)
class Record:
    """A question with the passages shown, best first, and the answer as a model is to give it.

    `answer` is a line of `quoting.Sentence`, or `UNKNOWN`; `kind` says where the question comes from.
    """

    kind: str
    question: str
    passages: tuple[Passage, ...]
    answer: str

    @property
    def choices(self) -> list[Sentence]:
        """What the grammar offers."""
        return offered(self.passages)


def record_json(record: Record) -> dict[str, Any]:
    """A record as JSON; `read_record` reads it."""
    return asdict(record)


def read_record(fields: Mapping[str, Any]) -> Record:
    """The record that `record_json` wrote."""
    passages = tuple(Passage(**{**entry, "hit": Hit(**entry["hit"])}) for entry in fields["passages"])
    return Record(fields["kind"], fields["question"], passages, fields["answer"])


def project_records(folder: Path, seed: int = 0, history: bool = True, most: int = MAX_RECORDS) -> list[Record]:
    """At most `most` records of the project in `folder`, shuffled.

    Without `history` the folder is an installed package, read as it lies there.
    """
    chance = random.Random(seed)
    repository = open_repository(folder) if history else Repository(folder)
    shelf = _Shelf(list(_chunks(repository, chance, "" if history else f"{folder.name}/")))
    asked = [entry for chunk in shelf.chunks for entry in _questions(chunk, chance)]
    chance.shuffle(asked)
    records = (_record(shelf, *entry, chance) for entry in asked)
    found = [record for record, _ in zip(filter(None, records), range(most), strict=False)]
    return found


def shortened(record: Record, chance: random.Random) -> Record | None:
    """The record with one or two other passages, of a few lines; None where that takes the answer away.

    So short, four times as many are read in the same time.
    """
    right = None if record.answer == UNKNOWN else next(c for c in record.choices if c.line == record.answer)
    target = right.passage - 1 if right else None
    others = [place for place in range(len(record.passages)) if place != target]
    kept = chance.sample(others, min(len(others), chance.choice((1, 1, 2))))
    lines = {place: chance.choice((3, 4, 6)) for place in kept}
    places = sorted([*kept, *([] if target is None else [target])])
    passages = tuple(_cut(record.passages[place], lines.get(place)) for place in places)
    if right is None:
        return replace(record, passages=passages)
    line = next((choice.line for choice in offered(passages) if choice.text == right.text), None)
    return replace(record, passages=passages, answer=line) if line else None


def _cut(passage: Passage, lines: int | None) -> Passage:
    """The first lines of a passage, or all."""
    quote = "\n".join(passage.quote.split("\n")[:lines])
    return replace(passage, quote=quote) if quote.strip() else passage


class _Shelf:
    """The chunks of a project by their words."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks
        self.bags = [frozenset(words(f"{chunk.header}\n{chunk.text}")) for chunk in chunks]
        self.holding: dict[str, list[int]] = defaultdict(list)
        self._telling: dict[int, bool] = {}
        for number, bag in enumerate(self.bags):
            for word in bag:
                self.holding[word].append(number)

    def tells(self, number: int) -> bool:
        """Whether a chunk holds a sentence."""
        if number not in self._telling:
            self._telling[number] = any(map(_tells, _sentences(self.chunks[number])))
        return self._telling[number]

    def weights(self, content: Iterable[str]) -> dict[str, float]:
        """The words with their rarity."""
        count = len(self.chunks) + 1
        return {word: math.log(count / (1 + len(self.holding.get(word, ())))) + 0.1 for word in content}

    def nearest(self, weights: Mapping[str, float], most: int) -> list[tuple[float, int]]:
        """(score, chunk) of those that hold the most weight of the words, best first."""
        scores: Counter[int] = Counter()
        for word, weight in weights.items():
            for number in self.holding.get(word, ())[:_CONSIDERED]:
                scores[number] += weight  # type: ignore[assignment]
        ranked = [(score / (1 + 0.1 * math.log1p(len(self.bags[number]))), number) for number, score in scores.items()]
        return sorted(ranked, reverse=True)[:most]


def _chunks(repository: Repository, chance: random.Random, above: str) -> Iterator[Chunk]:
    files = [(path, blob) for path, blob in list_files(repository).files.items() if not excluded(path)]
    chance.shuffle(files)
    prose = [entry for entry in files if entry[0].endswith((".md", ".rst", ".adoc", ".txt"))][: MAX_FILES // 2]
    rest = [entry for entry in files if not entry[0].endswith((".md", ".rst", ".adoc", ".txt"))]
    for path, blob in [*prose, *rest[: MAX_FILES - len(prose)]]:
        try:
            text, _ = read_text(repository, path, blob)
        except (OSError, WhenceError):
            continue  # a partial clone lacks some contents
        if text and len(text) < 400_000:
            yield from chunk_file(above + path, text)


def _questions(chunk: Chunk, chance: random.Random) -> Iterator[tuple[str, str, str, Chunk]]:
    """(kind, question, beginning of the sentence that answers, chunk)."""
    told = list(filter(_tells, _sentences(chunk)))
    if not told:
        return
    if chunk.kind == "doc":
        heading = (chunk.symbols or chunk.scope or ("",))[0]
        after = [text for text in told if text.strip("#= ") != heading]
        if heading and after and len(heading.split()) <= 9 and chance.random() < 0.5:
            yield "heading", chance.choice(_ABOUT_HEADING).format(heading.lower()), after[0], chunk
    elif chunk.symbols and documentation(chunk) and chance.random() < 0.7:
        name = definition_name(chunk)
        spoken = " ".join(split_name(name)) if chance.random() < 0.5 else chance.choice((name, f"`{name}`"))
        yield "name", chance.choice(ABOUT_NAME).format(spoken), told[0], chunk
    for text in chance.sample(told, min(len(told), 2)):
        if question := _words_of(text, chance):
            yield "words", chance.choice(ABOUT_WORDS).format(question), text, chunk


def _words_of(sentence: str, chance: random.Random) -> str:
    """A few words of a sentence, together or not, some without their endings."""
    spoken = re.findall(r"[\w.`'-]*\w[`]?", sentence)
    if len(spoken) < 6:
        return ""
    if chance.random() < 0.4:
        start = chance.randrange(len(spoken) - 4)
        kept = spoken[start : start + chance.randint(3, 6)]
    else:
        content = [word for word in spoken if len(word) > 3]
        count = min(len(content), chance.randint(2, 5))
        kept = [content[at] for at in sorted(chance.sample(range(len(content)), count))]
    return " ".join(_INFLECTED.sub("", word) if chance.random() < 0.25 else word for word in kept)


def _record(
    shelf: _Shelf, kind: str, question: str, answer: str, target: Chunk, chance: random.Random
) -> Record | None:
    try:
        content = parse_query(question).content
    except WhenceError:
        return None
    weights = shelf.weights(content)
    count, lines = chance.choice(_PASSAGES), chance.choice(_LINES)
    nearest = shelf.nearest(weights, 6 * count)
    found = [(score, shelf.chunks[number]) for score, number in nearest if shelf.tells(number) or chance.random() < 0.3]
    own = next((score for score, chunk in found if chunk is target), None)
    if own is None:
        own = found[-1][0] if found else 1.0
    others = [entry for entry in found if entry[1] is not target and entry[1].text != target.text]
    others = sorted(chance.sample(others, min(len(others), count)), key=lambda entry: -entry[0])[: count - 1]
    held = [words(chunk.text) for _, chunk in others]
    unknown = chance.random() < _UNANSWERABLE and not any(_covers(text, content) for text in held)
    shown = sorted([*others, *([] if unknown else [(own, target)])], key=lambda entry: -entry[0])
    passages = tuple(
        _passage(chunk, score, weights, lines, answer if chunk is target else "") for score, chunk in shown
    )
    if not passages:
        return None
    if unknown:
        return Record("unknown", question, passages, UNKNOWN)
    said = " ".join(answer.split())
    line = next((choice.line for choice in offered(passages) if choice.text == said), None)
    return Record(kind, question, passages, line) if line else None


def _passage(chunk: Chunk, score: float, weights: Mapping[str, float], lines: int, answer: str) -> Passage:
    """As a search would show it; where that leaves out the answer, the lines that hold it."""
    passage = best_passage(_hit(chunk, score), weights, lines)
    if answer and answer not in sentences(passage):
        whole = Passage(_hit(chunk, score), chunk.span.start_line, chunk.text.rstrip("\n"))
        rows = chunk.text.split("\n")
        first = next((row for row, line in enumerate(rows) if answer[:12] in line), 0)
        start = max(0, min(first - 1, len(rows) - lines))
        quote = "\n".join(rows[start : start + lines]).rstrip("\n")
        passage = Passage(whole.hit, chunk.span.start_line + start, quote) if quote.strip() else passage
    return passage


def _hit(chunk: Chunk, score: float = 1.0) -> Hit:
    span = chunk.span
    symbol = chunk.symbols[0] if chunk.symbols else None
    return Hit(chunk.kind, score, chunk.text, span.path, span.start_line, span.end_line, symbol)


def _sentences(chunk: Chunk) -> Iterator[str]:
    return sentences(Passage(_hit(chunk), chunk.span.start_line, chunk.text))


def _covers(text: Iterable[str], content: Sequence[str]) -> bool:
    """Whether a text holds nearly all words of a question: then it may well answer."""
    return len(set(content) & set(text)) > 0.6 * len(set(content))


def _tells(sentence: str) -> bool:
    return len(sentence.split()) >= 5 and is_prose(sentence)
