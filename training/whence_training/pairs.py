"""A project -> pairs of what a person would ask and the text that answers, for contrastive training.

Six kinds: documentation -> the definition without it, comment -> the code after it, name in words -> the definition
without its name, heading -> its section, prose that mentions one definition -> that definition, commit message -> the
hunks of a file it changed. The passage looks as it will in the index. Pure given the folder: one seed, no state.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from whence_indexer.chunker import chunk_file
from whence_indexer.errors import WhenceError
from whence_indexer.files import list_files, read_text
from whence_indexer.history import read_commits
from whence_indexer.repository import Repository, open_repository
from whence_indexer.terms import split_name
from whence_indexer.types import Chunk, Commit
from whence_training.comments import clean, documentation, inner_comments, is_prose
from whence_training.sources import excluded

MAX_FILES = 2_500  # of one project, drawn at random: no project may drown the others
MAX_COMMITS = 3_500
MAX_OF_KIND = {"doc": 4_000, "name": 1_500, "section": 1_500, "commit": 2_500, "comment": 1_500, "mention": 800}
_PASSAGE = 2_000  # characters
_QUERY = 500
_NAME_REMOVED = 0.4  # share of documented definitions whose name is taken out: the body must be understood
_ASKED = 0.45  # share of documentation turned into a question
_UNDOCUMENTED, _DOCUMENTED = 0.5, 0.12  # shares of definitions that are asked for by their name
_COMMENTED = 0.5  # share of comments inside definitions that are used
_DOC_QUESTIONS = (
    "How does {place} {doc}?",
    "Where is the code that {doc}?",
    "How is {name} implemented, to {doc}?",
    "What is the purpose of {name} in {place}? {doc}",
    "how to {doc}",
    "What does the {place} {name} do to {doc}?",
    "Which function {doc}?",
    "What mechanism {doc}?",
    "Why does {place} {doc}?",
    "{doc}",
)
_NAME_QUESTIONS = ("{}", "{}", "{}", "how {} works", "where is {} defined", "what does {} do", "How is {} handled?")
_HEADING_QUESTIONS = ("{}", "{}", "How does {} work?", "what is {}", "how to use {}")
_MENTIONED = re.compile(r"`{1,2}\.?([A-Za-z_][\w.:#]*)(?:\(\))?`{1,2}")
_NO_REASON = re.compile(r"bump|release|version|merge|update change|chore|prepare|changelog|revert", re.IGNORECASE)
_NO_TRAILER = re.compile(r"[\w-]+-by:|\*")
_THREAD = re.compile(r"\(?(?:fix(?:es|ed)?|closes?)?\s*(?:GH-|#)\d+\)?:?", re.IGNORECASE)
_DIFF_MARK = re.compile(r"^[+-]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pair:
    """What is asked, what answers, how the pair came about, and the place it is from: a chunk or a commit."""

    kind: str
    query: str
    passage: str
    place: str = ""


def collect_pairs(folder: Path, seed: int = 0, history: bool = True) -> list[Pair]:
    """The pairs of the project in `folder`, each question once, shuffled, at most `MAX_OF_KIND` of a kind.

    Without `history` the folder is an installed package, read as it lies there.
    """
    chance = random.Random(seed)
    repository = open_repository(folder) if history else Repository(folder)
    pairs = [*_file_pairs(repository, chance, "" if history else f"{folder.name}/")]
    if history and repository.head is not None:
        pairs += _commit_pairs(repository, chance)
    chance.shuffle(pairs)
    return list(_limited(pairs))


def chunk_pairs(chunk: Chunk, chance: random.Random) -> Iterator[Pair]:
    """What one chunk teaches by itself."""
    if chunk.kind == "doc":
        yield from _section_pairs(chunk, chance)
    elif chunk.symbols:
        found = documentation(chunk)
        if found:
            yield _doc_pair(chunk, *found, chance)
        if chance.random() < (_DOCUMENTED if found else _UNDOCUMENTED):
            yield from _name_pair(chunk, chance)
        for comment, code in inner_comments(chunk):
            if chance.random() < _COMMENTED:
                yield _pair("comment", comment, chunk.header, code, chunk)


def _file_pairs(repository: Repository, chance: random.Random, above: str) -> Iterator[Pair]:
    definitions: dict[str, list[Chunk]] = defaultdict(list)
    paragraphs: list[str] = []
    for chunk in _chunks(repository, chance, above):
        yield from chunk_pairs(chunk, chance)
        if chunk.kind == "doc":
            paragraphs += re.split(r"\n\s*\n", chunk.text)[:6]
        elif chunk.symbols:
            definitions[_name(chunk)].append(chunk)
    yield from _mention_pairs(paragraphs, definitions)


def _chunks(repository: Repository, chance: random.Random, above: str) -> Iterator[Chunk]:
    files = [(path, blob) for path, blob in list_files(repository).files.items() if not excluded(path)]
    chance.shuffle(files)
    for path, blob in files[:MAX_FILES]:
        try:
            text, _ = read_text(repository, path, blob)
        except (OSError, WhenceError):
            continue  # a partial clone lacks some contents
        yield from chunk_file(above + path, text or "")


def _mention_pairs(paragraphs: Iterable[str], definitions: dict[str, list[Chunk]]) -> Iterator[Pair]:
    """Paragraphs that name in code marks what is defined in one place only."""
    for paragraph in paragraphs:
        names = (re.split(r"[.:#]", found)[-1] for found in _MENTIONED.findall(paragraph))
        defined = next(
            (definitions[name] for name in names if len(name) > 3 and len(definitions.get(name, ())) == 1), ()
        )
        query = clean(paragraph)
        if defined and len(query.split()) >= 8 and is_prose(query):
            yield _pair("mention", query, defined[0].header, defined[0].text, defined[0])


def _section_pairs(chunk: Chunk, chance: random.Random) -> Iterator[Pair]:
    headings = list(dict.fromkeys((*chunk.scope, *chunk.symbols[:1])))
    if not headings or len(chunk.text) <= 150:
        return
    asked = headings[-1] if chance.random() < 0.4 else " ".join(headings[-2:])
    body = chunk.text if chance.random() < 0.4 else chunk.text.replace(headings[-1], "", 1)
    if len(asked.split()) <= 12:
        yield _pair("section", chance.choice(_HEADING_QUESTIONS).format(asked), chunk.span.path, body, chunk)


def _doc_pair(chunk: Chunk, doc: str, body: str, chance: random.Random) -> Pair:
    header = chunk.header
    if chance.random() < _NAME_REMOVED:
        header, body = _placed(chunk.span.path, *chunk.scope), _without_name(body, chunk)
    return _pair("doc", _asked(doc, chunk, chance) if chance.random() < _ASKED else doc, header, body, chunk)


def _asked(doc: str, chunk: Chunk, chance: random.Random) -> str:
    sentence = re.split(r"(?<=[a-z)])\.\s", doc)[0]
    place = chunk.scope[-1] if chunk.scope else _file_stem(chunk)
    return chance.choice(_DOC_QUESTIONS).format(
        doc=sentence[:1].lower() + sentence[1:], name=_in_words(_name(chunk)), place=_in_words(place)
    )


def _name_pair(chunk: Chunk, chance: random.Random) -> Iterator[Pair]:
    asked = _in_words(_name(chunk))
    if len(asked) <= 5 or len(chunk.text) <= 120:
        return
    if chance.random() < 0.5:
        asked = f"{asked} {_in_words(chunk.scope[-1] if chunk.scope else _file_stem(chunk))}"
    question = chance.choice(_NAME_QUESTIONS).format(asked)
    if chance.random() < 0.3:
        yield _pair("name", question, _placed(chunk.span.path, *chunk.scope), chunk.text, chunk)
    else:
        header = _placed(chunk.span.path, *chunk.scope[:-1])
        yield _pair("name", question, header, _without_name(chunk.text, chunk), chunk)


def _commit_pairs(repository: Repository, chance: random.Random) -> Iterator[Pair]:
    for commit in read_commits(repository, "HEAD", "--no-merges", f"--max-count={MAX_COMMITS}"):
        yield from _commit_pair(commit, chance)


def _commit_pair(commit: Commit, chance: random.Random) -> Iterator[Pair]:
    hunks = [hunk for hunk in commit.hunks[:12] if not excluded(hunk.path) and not _NO_REASON.search(hunk.path)]
    if not hunks or len(commit.paths) > 10 or _NO_REASON.match(commit.subject):
        return
    body = commit.body.partition("\n\n")[0][:250]
    told = (
        f"{commit.subject}. {body}"
        if body and not _NO_TRAILER.match(body) and chance.random() < 0.4
        else commit.subject
    )
    query = _THREAD.sub("", told).strip(" .:")
    path = chance.choice(hunks).path
    texts = [f"{hunk.section}\n{_DIFF_MARK.sub('', hunk.text)}" for hunk in hunks if hunk.path == path][:3]
    if len(query.split()) >= 3 and sum(map(len, texts)) >= 60:
        yield Pair("commit", query[:_QUERY], f"{path}\n{''.join(texts)}"[:_PASSAGE], commit.sha)


def _pair(kind: str, query: str, header: str, body: str, chunk: Chunk) -> Pair:
    place = f"{chunk.span.path}:{chunk.span.start_line}"
    return Pair(kind, query[:_QUERY], f"{header}\n{body}"[:_PASSAGE], place)


def _placed(*parts: str) -> str:
    return " > ".join(parts)


def _without_name(text: str, chunk: Chunk) -> str:
    return re.sub(rf"\b{re.escape(_name(chunk))}\b", "", text)


def _name(chunk: Chunk) -> str:
    return re.split(r"[.:#]", chunk.symbols[0])[-1]


def _file_stem(chunk: Chunk) -> str:
    return chunk.span.path.rpartition("/")[2].partition(".")[0]


def _in_words(name: str) -> str:
    return " ".join(split_name(name))


def _limited(pairs: Iterable[Pair]) -> Iterator[Pair]:
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    for pair in pairs:
        question = pair.query.lower()
        if question not in seen and counts[pair.kind] < MAX_OF_KIND[pair.kind]:
            seen.add(question)
            counts[pair.kind] += 1
            yield pair
